// Loads a queue for Node as rgrid_queue_drain loads RGrid's: the same variables, the same line of JSON.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const setting = (name, otherwise) => name in process.env ? Number(process.env[name]) : otherwise
export const slots = setting('QB_WORKERS', 8)
export const variant = process.argv[2] ?? 'default'
export const address = {
  host: process.env.PGHOST, port: Number(process.env.PGPORT ?? 5432), user: process.env.PGUSER, database: process.env.PGDATABASE,
  max: slots + 4
}
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
const clock = () => performance.timeOrigin + performance.now()
const askPsql = (...commands) =>
  execFileSync('psql', ['-qAtX', ...commands.flatMap(command => ['-c', command])], { encoding: 'utf8' }).trim().split('\n').map(Number)
const writtenAhead = "SELECT pg_current_wal_lsn() - '0/0'"
const versionOf = name => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version

async function submitSingly (queue, jobs) {
  const until = clock() + 4000
  let asked = 0
  let submitted = 0
  const caller = async () => {
    while (asked < jobs && clock() < until) {
      asked++
      await queue.submit({ asked: 0 })
      submitted++
    }
  }
  await Promise.all(Array.from({ length: slots }, caller))
  return submitted
}

async function latencies (queue, seen) {
  await pause(2500)
  seen.length = 0
  const begin = clock()
  for (let i = 0; i < 500; i++) {
    await pause(Math.max(0, begin + 20 * i - clock()))
    await queue.submit({ asked: clock() })
  }
  await pause(3000)
  const spans = seen.toSorted((a, b) => a - b)
  const at = part => spans[Math.floor(part * (spans.length - 1))]
  return spans.length === 0 ? {} : { p50_ms: at(0.5), p99_ms: at(0.99), latency_ms: { n: spans.length, min: at(0), p50: at(0.5), p99: at(0.99), max: at(1) } }
}

// queue: { name, submit(payload), submitMany(payloads), start(onStart(payload)), left(), discard() }
export async function load (queue) {
  const jobs = setting('QB_JOBS', 20000)
  const mostSeconds = setting('QB_MAX_SECONDS', 5)
  const figures = { name: queue.name, version: versionOf(queue.name), wal: askPsql(writtenAhead) }

  let begin = clock()
  const singly = await submitSingly(queue, setting('QB_SINGLE', 1) === 0 ? 0 : Math.min(Math.floor(jobs / 4), 5000))
  figures.enqueue_per_s = 1000 * singly / (clock() - begin)
  begin = clock()
  for (let rest = jobs - singly; rest > 0; rest -= 1000) {
    await queue.submitMany(Array.from({ length: Math.min(rest, 1000) }, () => ({ asked: 0 })))
  }
  figures.enqueue_bulk_per_s = 1000 * (jobs - singly) / (clock() - begin)
  figures.wal.push(...askPsql(writtenAhead, 'VACUUM ANALYZE', 'CHECKPOINT', writtenAhead))

  if (mostSeconds > 0) {
    let first = 0
    let started = 0
    const seen = []
    await queue.start(payload => {
      const now = clock()
      first ||= now
      started++
      if (payload.asked > 0) seen.push(now - payload.asked)
    })
    const until = clock() + 1000 * mostSeconds
    let left = jobs
    while (left > 0 && clock() < until) {
      await pause(2)
      if (started >= jobs) left = await queue.left()
    }
    const end = clock()
    left = await queue.left()
    figures.drain_per_s = first === 0 ? 0 : 1000 * (jobs - left) / (end - first)
    figures.drained = left === 0
    figures.completed = jobs - left
    figures.wal.push(...askPsql(writtenAhead))
    if (setting('QB_TRICKLE', 0) === 1) {
      if (left > 0) await queue.discard()
      Object.assign(figures, await latencies(queue, seen))
    }
  }
  console.log(JSON.stringify(figures))
  process.exit(0)
}
