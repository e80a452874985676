// graphile.mjs default|preset: graphile-worker as it is, or with what its own performance test sets.
import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import pg from 'pg'
import { address, load, slots, variant } from './load.mjs'

const pgPool = new pg.Pool(address)
pgPool.on('error', () => {})
const logger = new Logger(() => (level, message) => { if (level === 'error') console.error(message) })
const utils = await makeWorkerUtils({ pgPool, logger })
await utils.migrate()
const own = { localQueue: { size: 500, refetchDelay: { durationMs: 10 } }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }

await load({
  name: 'graphile-worker',
  submit: payload => utils.addJob('nothing', payload),
  submitMany: payloads => utils.addJobs(payloads.map(payload => ({ identifier: 'nothing', payload }))),
  start: onStart => run({
    pgPool, logger, noHandleSignals: true, taskList: { nothing: async payload => onStart(payload) },
    preset: { worker: { concurrentJobs: slots, ...(variant === 'preset' ? own : {}) } }
  }),
  left: async () => (await pgPool.query('SELECT count(*)::int AS jobs FROM graphile_worker._private_jobs')).rows[0].jobs,
  discard: () => pgPool.query('DELETE FROM graphile_worker._private_jobs WHERE locked_at IS NULL')
})
