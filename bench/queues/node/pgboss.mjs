// pgboss.mjs default|batch: pg-boss with work() as documented, or told by NOTIFY and in batches of 100.
import { PgBoss } from 'pg-boss'
import { address, load, slots, variant } from './load.mjs'

const batch = variant === 'batch'
const boss = new PgBoss({ ...address, useListenNotify: batch })
boss.on('error', error => console.error(error.message))
boss.on('warning', () => {})
await boss.start()
await boss.createQueue('nothing', { notify: batch })
const work = batch
  ? { batchSize: 100, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5 }
  : {}

await load({
  name: 'pg-boss',
  submit: payload => boss.send('nothing', payload),
  submitMany: payloads => boss.insert('nothing', payloads.map(data => ({ data }))),
  start: onStart => boss.work('nothing', { localConcurrency: slots, ...work }, async jobs => { for (const job of jobs) onStart(job.data) }),
  left: async () => (await boss.getDb().executeSql("SELECT count(*)::int AS jobs FROM pgboss.job WHERE name = 'nothing' AND state < 'completed'")).rows[0].jobs,
  discard: () => boss.deleteQueuedJobs('nothing')
})
