// @platformatic/kafka behind the driver protocol.

const {
  Admin, Consumer, FetchIsolationLevels, ProduceAcks, Producer, compatibilityPartitioner
} = require('@platformatic/kafka')
const driver = require('./driver.cjs')

const RECORDS_PER_SEND = 100

const options = bootstrap => ({ clientId: 'platformatic', bootstrapBrokers: bootstrap.split(',') })

async function create (bootstrap, topic, partitions) {
  const admin = new Admin(options(bootstrap))
  await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
  while (!(await admin.listTopics()).includes(topic)) await driver.delay(100)
  await admin.close()
}

async function produce (bootstrap, topic, codec, idempotent) {
  // A send tells each partition's first offset, so it is noted which partition each record was given.
  const chosen = new Map()
  let partitionsCount = null
  const partitioner = (message, key) => {
    const partition = compatibilityPartitioner(message, key) % partitionsCount
    chosen.set(message, partition)
    return partition
  }
  const producer = new Producer({
    ...options(bootstrap),
    idempotent,
    acks: ProduceAcks.ALL,
    compression: codec,
    partitioner
  })
  partitionsCount = (await producer.metadata({ topics: [topic] })).topics.get(topic).partitionsCount
  const records = await driver.records()
  for (let at = 0; at < records.length; at += RECORDS_PER_SEND) {
    const messages = records.slice(at, at + RECORDS_PER_SEND).map(({ partition, key, value, headers, timestamp }) => ({
      topic,
      key,
      value,
      // A map from bytes, so that a name can come twice.
      headers: new Map(headers.map(([name, data]) => [Buffer.from(name), data])),
      ...(partition === null ? {} : { partition }),
      ...(timestamp === null ? {} : { timestamp: BigInt(timestamp) })
    }))
    chosen.clear()
    const { offsets } = await producer.send({ messages })
    for (const { partition, offset } of offsets) {
      const count = messages.filter(message => (message.partition ?? chosen.get(message)) === partition).length
      for (let n = 0; n < count; n++) driver.acknowledged(partition, offset + BigInt(n))
    }
  }
  await producer.close()
}

function show ({ partition, offset, timestamp, key, value, headerEntries }) {
  driver.consumed({ partition, offset, timestamp, key, value, headers: headerEntries })
}

async function consume (bootstrap, topic, group) {
  const terminated = driver.terminated()
  const consumer = new Consumer({
    ...options(bootstrap),
    groupId: group,
    sessionTimeout: driver.SESSION_TIMEOUT_MS,
    rebalanceTimeout: 30_000,
    heartbeatInterval: driver.HEARTBEAT_MS,
    maxWaitTime: 500
  })
  const stream = await consumer.consume({
    topics: [topic],
    autocommit: false,
    mode: 'committed',
    fallbackMode: 'earliest'
  })
  // Its own autocommit commits what it has fetched; this, what was printed.
  let unsaved = new Map()
  const save = async () => {
    const printed = [...unsaved.values()]
    unsaved = new Map()
    await Promise.all(printed.map(message => message.commit()))
  }
  // Partitions may have gone to another member, whose commits are not to be undone.
  consumer.on('consumer:group:rebalance', () => unsaved.clear())
  const timer = setInterval(() => save().catch(error => console.error(error)), driver.COMMIT_EVERY_MS)
  stream.on('error', error => console.error(error))
  stream.on('data', message => {
    show(message)
    unsaved.set(message.partition, message)
  })
  await terminated
  stream.pause()
  clearInterval(timer)
  await save()
  await stream.close()
  await consumer.close(true)
}

async function read (bootstrap, topic, timestamp) {
  // It reads only as a member of a group; nobody else is in this one, and nothing is committed.
  const consumer = new Consumer({ ...options(bootstrap), groupId: `read-${topic}-${process.pid}`, maxWaitTime: 500 })
  const starts = (await consumer.listOffsets({ topics: [topic], timestamp: BigInt(timestamp) })).get(topic)
  const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic)
  const unread = new Set()
  const offsets = starts.map((start, partition) => {
    // -1: no record is that young.
    if (start >= 0n && start < ends[partition]) unread.add(partition)
    return { topic, partition, offset: start < 0n ? ends[partition] : start }
  })
  if (unread.size > 0) {
    const stream = await consumer.consume({ topics: [topic], autocommit: false, mode: 'manual', offsets })
    for await (const message of stream) {
      if (message.offset < ends[message.partition]) show(message)
      if (message.offset + 1n >= ends[message.partition]) unread.delete(message.partition)
      if (unread.size === 0) break
    }
  }
  await consumer.close(true)
}

async function copy (bootstrap, source, target, group, transactionalId) {
  let isOver = false
  let stream = null
  driver.terminated().then(() => {
    isOver = true
    return stream?.close()
  })
  const producer = new Producer({
    ...options(bootstrap),
    transactionalId,
    idempotent: true,
    // Its default, 0 of epoch 0, is an id that it asks to keep: a successor would be fenced.
    producerId: -1n,
    producerEpoch: -1,
    // The transactions' as well.
    timeout: driver.TRANSACTION_TIMEOUT_MS
  })
  // The first one, empty, ends what a predecessor has left open, before the group's offsets are asked for.
  await (await producer.beginTransaction()).cancel()
  const consumer = new Consumer({
    ...options(bootstrap),
    groupId: group,
    groupInstanceId: transactionalId,
    sessionTimeout: driver.SESSION_TIMEOUT_MS,
    rebalanceTimeout: 30_000,
    heartbeatInterval: driver.HEARTBEAT_MS,
    maxWaitTime: 500,
    isolationLevel: FetchIsolationLevels.READ_COMMITTED
  })
  let number = 0
  while (!isOver) {
    stream = await consumer.consume({
      topics: [source],
      autocommit: false,
      mode: 'committed',
      fallbackMode: 'earliest'
    })
    for await (const messages of inBatches(stream)) {
      number++
      const transaction = await producer.beginTransaction()
      const copies = messages.map(({ key, value, partition }) => ({ topic: target, key, value, partition }))
      await transaction.send({ messages: copies })
      if (number % driver.ABORTED_EVERY === 0) {
        await transaction.abort()
        driver.aborted(messages.length)
        // A new stream begins where the group has committed.
        break
      }
      await transaction.addConsumer(consumer)
      const lasts = new Map(messages.map(message => [message.partition, message]))
      for (const message of lasts.values()) await transaction.addOffset(message)
      await transaction.commit()
      driver.committed(messages.length)
    }
    await stream.close()
  }
  await consumer.close(true)
  await producer.close()
}

/** What has arrived, a transaction's worth at most. */
async function * inBatches (stream) {
  let messages = []
  for await (const message of stream) {
    messages.push(message)
    if (messages.length === driver.RECORDS_PER_TRANSACTION || stream.readableLength === 0) {
      yield messages
      messages = []
    }
  }
}

driver.main({ create, produce, consume, read, copy })
