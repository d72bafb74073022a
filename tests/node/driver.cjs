// The driver protocol, for clients in Node: a command, JSON lines in, JSON lines out (tests/README.md).
// CommonJS, because require() finds packages by NODE_PATH and import does not.

const readline = require('node:readline')

const SESSION_TIMEOUT_MS = 6000
const HEARTBEAT_MS = 1000
const COMMIT_EVERY_MS = 500
const TRANSACTION_TIMEOUT_MS = 10_000
const RECORDS_PER_TRANSACTION = 20
// A copier gives up every so many-th transaction.
const ABORTED_EVERY = 3

const toBytes = text => (text === null ? null : Buffer.from(text))
// Records come as bytes or null; some clients say undefined for null.
const toText = bytes => (bytes === null || bytes === undefined ? null : bytes.toString())
const print = line => process.stdout.write(`${JSON.stringify(line)}\n`)

/** What standard input has to produce, keys and values as bytes. */
async function records () {
  const found = []
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { partition, key, value, headers, timestamp } = JSON.parse(line)
    found.push({
      partition,
      key: toBytes(key),
      value: toBytes(value),
      headers: headers.map(([name, data]) => [name, toBytes(data)]),
      timestamp
    })
  }
  return found
}

function acknowledged (partition, offset) {
  print({ partition, offset: Number(offset) })
}

/** `headers` are pairs of a name and bytes. */
function consumed ({ partition, offset, timestamp, key, value, headers }) {
  print({
    partition,
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: toText(key),
    value: toText(value),
    headers: headers.map(([name, data]) => [name.toString(), toText(data)])
  })
}

const committed = records => print({ committed: records })
const aborted = records => print({ aborted: records })

/** Resolves when SIGTERM comes. */
function terminated () {
  return new Promise(resolve => process.once('SIGTERM', resolve))
}

function delay (ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Runs the command that the program's arguments name, and exits. */
async function main ({ create, produce, consume, read, copy }) {
  const [bootstrap, command, topic, ...rest] = process.argv.slice(2)
  const commands = {
    create: ([partitions]) => create(bootstrap, topic, Number(partitions)),
    produce: ([codec, mode]) => produce(bootstrap, topic, codec, mode === 'idempotent'),
    consume: ([group]) => consume(bootstrap, topic, group),
    read: ([timestamp]) => read(bootstrap, topic, Number(timestamp)),
    copy: ([target, group, transactionalId]) => copy(bootstrap, topic, target, group, transactionalId)
  }
  try {
    await commands[command](rest)
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
  // Whatever a client still has open does not keep the program; what was printed does.
  process.stdout.write('', () => process.exit(0))
}

module.exports = {
  SESSION_TIMEOUT_MS,
  HEARTBEAT_MS,
  COMMIT_EVERY_MS,
  TRANSACTION_TIMEOUT_MS,
  RECORDS_PER_TRANSACTION,
  ABORTED_EVERY,
  records,
  acknowledged,
  consumed,
  committed,
  aborted,
  terminated,
  delay,
  main
}
