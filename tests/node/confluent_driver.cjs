// @confluentinc/kafka-javascript (librdkafka) behind the driver protocol, by its callbacks: its promises, made after
// kafkajs, keep headers as an object.

const { promisify } = require('node:util')
const { AdminClient, CODES, KafkaConsumer, Producer } = require('@confluentinc/kafka-javascript')
const driver = require('./driver.cjs')

const TIMEOUT_MS = 30_000

async function create (bootstrap, topic, partitions) {
  const admin = AdminClient.create({ 'bootstrap.servers': bootstrap })
  const call = (name, ...rest) => promisify(admin[name].bind(admin))(...rest)
  await call('createTopic', { topic, num_partitions: partitions, replication_factor: -1 }, TIMEOUT_MS)
  while (!(await call('listTopics', { timeout: TIMEOUT_MS })).includes(topic)) await driver.delay(100)
  admin.disconnect()
}

async function produce (bootstrap, topic, codec, idempotent) {
  const producer = new Producer({
    'bootstrap.servers': bootstrap,
    acks: 'all',
    'compression.type': codec,
    'enable.idempotence': idempotent,
    'linger.ms': 20,
    'batch.num.messages': 100,
    dr_cb: true
  })
  let failure = null
  let reported = 0
  producer.on('delivery-report', (error, report) => {
    reported++
    if (error) failure = error
    else driver.acknowledged(report.partition, report.offset)
  })
  await promisify(producer.connect.bind(producer))({})
  producer.setPollInterval(20)
  const records = await driver.records()
  for (const { partition, key, value, headers, timestamp } of records) {
    // As text: empty bytes would become null.
    const pairs = headers.map(([name, data]) => ({ [name]: data.toString() }))
    producer.produce(topic, partition, value, key, timestamp, null, pairs)
  }
  await promisify(producer.flush.bind(producer))(60_000)
  // A flush does not wait for the reports to be told, and a disconnect drops them.
  while (reported < records.length) await driver.delay(10)
  await promisify(producer.disconnect.bind(producer))()
  if (failure) throw failure
}

function show ({ partition, offset, timestamp, key, value, headers }) {
  const pairs = (headers ?? []).flatMap(header => Object.entries(header))
  driver.consumed({ partition, offset, timestamp, key, value, headers: pairs })
}

async function connected (settings, topicSettings = {}) {
  const consumer = new KafkaConsumer(settings, topicSettings)
  await promisify(consumer.connect.bind(consumer))({})
  consumer.setDefaultConsumeTimeout(100)
  return consumer
}

const next = consumer => promisify(consumer.consume.bind(consumer))(100)

function store (consumer, position) {
  try {
    consumer.offsetsStore([position])
  } catch (error) {
    // Between the poll and now the partition went to another member, which begins where this one has committed.
    if (error.code !== CODES.ERRORS.ERR__STATE) throw error
  }
}

async function consume (bootstrap, topic, group) {
  let isOver = false
  driver.terminated().then(() => { isOver = true })
  const consumer = await connected({
    'bootstrap.servers': bootstrap,
    'group.id': group,
    'session.timeout.ms': driver.SESSION_TIMEOUT_MS,
    'heartbeat.interval.ms': driver.HEARTBEAT_MS,
    'auto.commit.interval.ms': driver.COMMIT_EVERY_MS,
    // Nothing is committed that was not printed.
    'enable.auto.offset.store': false
  }, { 'auto.offset.reset': 'earliest' })
  consumer.subscribe([topic])
  while (!isOver) {
    for (const message of await next(consumer)) {
      show(message)
      store(consumer, { topic, partition: message.partition, offset: message.offset + 1 })
    }
  }
  await promisify(consumer.disconnect.bind(consumer))()
}

async function read (bootstrap, topic, timestamp) {
  const consumer = await connected({
    'bootstrap.servers': bootstrap,
    'group.id': 'unused',
    'enable.auto.commit': false,
    'check.crcs': true
  })
  const call = (name, ...rest) => promisify(consumer[name].bind(consumer))(...rest)
  // It answers with every topic that it knows.
  const { topics } = await call('getMetadata', { topic, timeout: TIMEOUT_MS })
  const asked = topics.find(({ name }) => name === topic).partitions.map(({ id }) => ({ topic, partition: id, offset: timestamp }))
  const unread = new Map()
  const starts = []
  for (const found of await call('offsetsForTimes', asked, TIMEOUT_MS)) {
    const { highOffset } = await call('queryWatermarkOffsets', topic, found.partition, TIMEOUT_MS)
    // -1, the end: no record is that young.
    if (found.offset >= 0 && found.offset < highOffset) {
      unread.set(found.partition, highOffset)
      starts.push({ topic, partition: found.partition, offset: found.offset })
    }
  }
  consumer.assign(starts)
  while (unread.size > 0) {
    for (const message of await next(consumer)) {
      if (!(message.offset < unread.get(message.partition))) continue
      show(message)
      if (message.offset + 1 === unread.get(message.partition)) unread.delete(message.partition)
    }
  }
  await promisify(consumer.disconnect.bind(consumer))()
}

async function copy (bootstrap, source, target, group, transactionalId) {
  let isOver = false
  driver.terminated().then(() => { isOver = true })
  const producer = new Producer({
    'bootstrap.servers': bootstrap,
    'transactional.id': transactionalId,
    'transaction.timeout.ms': driver.TRANSACTION_TIMEOUT_MS
  })
  const producing = (name, ...rest) => promisify(producer[name].bind(producer))(...rest)
  await producing('connect', {})
  producer.setPollInterval(20)
  // Ends what a predecessor has left open, before the group's offsets are asked for.
  await producing('initTransactions', TIMEOUT_MS)
  const consumer = await connected({
    'bootstrap.servers': bootstrap,
    'group.id': group,
    'group.instance.id': transactionalId,
    'session.timeout.ms': driver.SESSION_TIMEOUT_MS,
    'heartbeat.interval.ms': driver.HEARTBEAT_MS,
    'enable.auto.commit': false,
    'isolation.level': 'read_committed'
  }, { 'auto.offset.reset': 'earliest' })
  const consuming = (name, ...rest) => promisify(consumer[name].bind(consumer))(...rest)
  consumer.subscribe([source])
  let number = 0
  while (!isOver) {
    const messages = await consuming('consume', driver.RECORDS_PER_TRANSACTION)
    if (messages.length === 0) continue
    number++
    await producing('beginTransaction')
    for (const { partition, key, value } of messages) producer.produce(target, partition, value, key)
    if (number % driver.ABORTED_EVERY !== 0) {
      const ends = new Map(messages.map(({ partition, offset }) => [partition, offset + 1]))
      const offsets = [...ends].map(([partition, offset]) => ({ topic: source, partition, offset }))
      await producing('sendOffsetsToTransaction', offsets, consumer, TIMEOUT_MS)
      await producing('commitTransaction', TIMEOUT_MS)
      driver.committed(messages.length)
    } else {
      // What is aborted is to be in the log, not in the producer's queue.
      await producing('flush', TIMEOUT_MS)
      await producing('abortTransaction', TIMEOUT_MS)
      for (const { topic, partition, offset } of await consuming('committed', consumer.assignments(), TIMEOUT_MS)) {
        await consuming('seek', { topic, partition, offset: offset ?? 0 }, TIMEOUT_MS)
      }
      driver.aborted(messages.length)
    }
  }
  await consuming('disconnect')
  await producing('disconnect')
}

driver.main({ create, produce, consume, read, copy })
