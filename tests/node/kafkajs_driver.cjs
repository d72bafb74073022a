// kafkajs behind the driver protocol. gzip is its own; the other codecs are plugged in, as its manual says.

const zlib = require('node:zlib')
const { promisify } = require('node:util')
const { Kafka, CompressionTypes, CompressionCodecs, Partitioners, logLevel } = require('kafkajs')
const SnappyCodec = require('kafkajs-snappy')
const LZ4Codec = require('kafkajs-lz4')
const driver = require('./driver.cjs')

CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = new LZ4Codec().codec
const compress = promisify(zlib.zstdCompress)
const decompress = promisify(zlib.zstdDecompress)
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: encoder => compress(encoder.buffer),
  decompress: buffer => decompress(buffer)
})
const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD
}
const RECORDS_PER_SEND = 100

const connect = bootstrap =>
  new Kafka({ clientId: 'kafkajs', brokers: bootstrap.split(','), logLevel: logLevel.WARN })

async function create (bootstrap, topic, partitions) {
  const admin = connect(bootstrap).admin()
  await admin.connect()
  await admin.createTopics({
    topics: [{ topic, numPartitions: partitions, replicationFactor: -1 }],
    waitForLeaders: true
  })
  await admin.disconnect()
}

/** Headers are an object here: a name with several values has an array of them. */
function toObject (headers) {
  const object = {}
  for (const [name, value] of headers) {
    object[name] = name in object ? [object[name], value].flat() : value
  }
  return object
}

const toPairs = headers =>
  Object.entries(headers).flatMap(([name, values]) => [values].flat().map(value => [name, value]))

async function produce (bootstrap, topic, codec, idempotent) {
  // A send tells each partition's first offset, so it is noted which partition each record was given.
  const chosen = new Map()
  const createPartitioner = () => {
    const partitioner = Partitioners.DefaultPartitioner()
    return choice => {
      const partition = partitioner(choice)
      chosen.set(choice.message, partition)
      return partition
    }
  }
  const producer = connect(bootstrap).producer({ idempotent, createPartitioner })
  await producer.connect()
  const records = await driver.records()
  for (let at = 0; at < records.length; at += RECORDS_PER_SEND) {
    const messages = records.slice(at, at + RECORDS_PER_SEND).map(({ partition, key, value, headers, timestamp }) => ({
      key,
      value,
      headers: toObject(headers),
      ...(partition === null ? {} : { partition }),
      ...(timestamp === null ? {} : { timestamp: String(timestamp) })
    }))
    chosen.clear()
    const answers = await producer.send({ topic, acks: -1, compression: CODECS[codec], messages })
    for (const { partition, baseOffset } of answers) {
      const count = messages.filter(message => chosen.get(message) === partition).length
      for (let n = 0; n < count; n++) {
        driver.acknowledged(partition, BigInt(baseOffset) + BigInt(n))
      }
    }
  }
  await producer.disconnect()
}

function show (partition, { offset, timestamp, key, value, headers }) {
  driver.consumed({ partition, offset, timestamp, key, value, headers: toPairs(headers) })
}

async function consume (bootstrap, topic, group) {
  const terminated = driver.terminated()
  const consumer = connect(bootstrap).consumer({
    groupId: group,
    sessionTimeout: driver.SESSION_TIMEOUT_MS,
    heartbeatInterval: driver.HEARTBEAT_MS,
    maxWaitTimeInMs: 500
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommitInterval: driver.COMMIT_EVERY_MS,
    eachMessage: async ({ partition, message }) => show(partition, message)
  })
  await terminated
  await consumer.disconnect()
}

async function read (bootstrap, topic, timestamp) {
  const kafka = connect(bootstrap)
  const admin = kafka.admin()
  await admin.connect()
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, BigInt(high)]))
  const starts = await admin.fetchTopicOffsetsByTimestamp(topic, timestamp)
  await admin.disconnect()
  // It answers the end of a partition where no record is that young.
  const unread = new Map()
  for (const { partition, offset } of starts) {
    if (BigInt(offset) < ends.get(partition)) unread.set(partition, BigInt(offset))
  }
  if (unread.size === 0) return
  // It reads only as a member of a group; nobody else is in this one, and nothing is committed.
  const consumer = kafka.consumer({ groupId: `read-${topic}-${process.pid}`, maxWaitTimeInMs: 500 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachMessage: async ({ partition, message }) => {
          const offset = BigInt(message.offset)
          // What was fetched before the seek took effect.
          if (offset !== unread.get(partition)) return
          show(partition, message)
          unread.set(partition, offset + 1n)
          if (offset + 1n === ends.get(partition)) unread.delete(partition)
          if (unread.size === 0) resolve()
        }
      })
      .catch(reject)
    for (const [partition, offset] of unread) {
      consumer.seek({ topic, partition, offset: String(offset) })
    }
  })
  await consumer.disconnect()
}

async function copy (bootstrap, source, target, group, transactionalId) {
  const terminated = driver.terminated()
  const kafka = connect(bootstrap)
  const producer = kafka.producer({
    transactionalId,
    transactionTimeout: driver.TRANSACTION_TIMEOUT_MS,
    idempotent: true,
    maxInFlightRequests: 1
  })
  // Ends what a predecessor has left open, before the group's offsets are asked for.
  await producer.connect()
  const admin = kafka.admin()
  await admin.connect()
  const consumer = kafka.consumer({
    groupId: group,
    sessionTimeout: driver.SESSION_TIMEOUT_MS,
    heartbeatInterval: driver.HEARTBEAT_MS,
    maxWaitTimeInMs: 500,
    readUncommitted: false
  })
  await consumer.connect()
  await consumer.subscribe({ topic: source, fromBeginning: true })

  let number = 0
  const isCopied = async (partition, messages) => {
    number++
    const transaction = await producer.transaction()
    await transaction.send({ topic: target, messages: messages.map(({ key, value }) => ({ key, value, partition })) })
    if (number % driver.ABORTED_EVERY === 0) {
      await transaction.abort()
      driver.aborted(messages.length)
      return false
    }
    const offset = String(BigInt(messages.at(-1).offset) + 1n)
    await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic: source, partitions: [{ partition, offset }] }] })
    await transaction.commit()
    driver.committed(messages.length)
    return true
  }
  const rewind = async () => {
    for (const { partitions } of await admin.fetchOffsets({ groupId: group, topics: [source] })) {
      for (const { partition, offset } of partitions) {
        consumer.seek({ topic: source, partition, offset: offset === '-1' ? '0' : offset })
      }
    }
  }
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch: { partition, messages }, resolveOffset, heartbeat, isRunning, isStale }) => {
      for (let at = 0; at < messages.length && isRunning() && !isStale(); at += driver.RECORDS_PER_TRANSACTION) {
        const some = messages.slice(at, at + driver.RECORDS_PER_TRANSACTION)
        if (await isCopied(partition, some)) resolveOffset(some.at(-1).offset)
        else await rewind()
        await heartbeat()
      }
    }
  })
  await terminated
  await consumer.disconnect()
  await admin.disconnect()
  await producer.disconnect()
}

driver.main({ create, produce, consume, read, copy })
