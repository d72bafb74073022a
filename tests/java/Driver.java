import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Apache Kafka's Java client behind the driver protocol (tests/README.md). */
public final class Driver {
    private static final long COMMIT_EVERY_MS = 500;
    private static final int RECORDS_PER_TRANSACTION = 20;
    /** A copier gives up every so many-th transaction. */
    private static final int ABORTED_EVERY = 3;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    private final String bootstrap;

    private Driver(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    public static void main(String[] arguments) throws Exception {
        Driver driver = new Driver(arguments[0]);
        switch (arguments[1]) {
            case "create" -> driver.create(arguments[2], Integer.parseInt(arguments[3]));
            case "produce" -> driver.produce(arguments[2], arguments[3], arguments[4].equals("idempotent"));
            case "consume" -> driver.consume(arguments[2], arguments[3]);
            case "read" -> driver.read(arguments[2], Long.parseLong(arguments[3]));
            case "copy" -> driver.copy(arguments[2], arguments[3], arguments[4], arguments[5]);
            default -> throw new IllegalArgumentException("no such command: " + arguments[1]);
        }
    }

    private void create(String topic, int partitions) throws Exception {
        try (Admin admin = Admin.create(settings(Map.of()))) {
            NewTopic wanted = new NewTopic(topic, Optional.of(partitions), Optional.empty());
            admin.createTopics(List.of(wanted)).all().get();
            long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            while (!admin.listTopics().names().get().contains(topic)) {
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException("topic " + topic + " is not known after 30 s");
                }
                Thread.sleep(100);
            }
        }
    }

    private void produce(String topic, String codec, boolean idempotent) throws Exception {
        Map<String, Object> settings =
                settings(
                        Map.of(
                                "acks", "all",
                                "compression.type", codec,
                                "enable.idempotence", idempotent,
                                "linger.ms", 20,
                                "batch.size", 8192));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                sent.add(producer.send(toSend(topic, JSON.readTree(line))));
            }
            producer.flush();
            for (Future<RecordMetadata> one : sent) {
                RecordMetadata acknowledged = one.get();
                ObjectNode shown = JSON.createObjectNode();
                shown.put("partition", acknowledged.partition()).put("offset", acknowledged.offset());
                OUT.println(shown);
            }
        }
    }

    private static ProducerRecord<byte[], byte[]> toSend(String topic, JsonNode record) {
        List<Header> headers = new ArrayList<>();
        for (JsonNode header : record.get("headers")) {
            headers.add(new RecordHeader(header.get(0).asText(), bytes(header.get(1))));
        }
        JsonNode partition = record.get("partition");
        JsonNode timestamp = record.get("timestamp");
        return new ProducerRecord<>(
                topic,
                partition.isNull() ? null : partition.asInt(),
                timestamp.isNull() ? null : timestamp.asLong(),
                bytes(record.get("key")),
                bytes(record.get("value")),
                headers);
    }

    /** Commits only what was printed: offsets are kept by hand and not by the client's own commits. */
    private void consume(String topic, String group) {
        Map<String, Object> settings =
                settings(Map.of("group.id", group, "auto.offset.reset", "earliest", "enable.auto.commit", false));
        String protocol = System.getenv("GROUP_PROTOCOL");
        if (protocol == null) {
            settings.putAll(Map.of("session.timeout.ms", 6000, "heartbeat.interval.ms", 1000));
        } else {
            settings.put("group.protocol", protocol);
        }
        var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        onTermination(consumer::wakeup);
        Map<TopicPartition, OffsetAndMetadata> printed = new HashMap<>();
        consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}

            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                consumer.commitSync(printed);
                printed.clear();
            }

            @Override
            public void onPartitionsLost(Collection<TopicPartition> partitions) {
                printed.clear();
            }
        });
        try {
            long committedAt = System.nanoTime();
            Map<TopicPartition, OffsetAndMetadata> committed = Map.of();
            while (true) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    show(record);
                    TopicPartition partition = new TopicPartition(record.topic(), record.partition());
                    printed.put(partition, new OffsetAndMetadata(record.offset() + 1));
                }
                boolean isDue = System.nanoTime() - committedAt > COMMIT_EVERY_MS * 1_000_000;
                if (isDue && !printed.equals(committed)) {
                    committed = Map.copyOf(printed);
                    consumer.commitAsync(committed, null);
                    committedAt = System.nanoTime();
                }
            }
        } catch (WakeupException stopped) {
            // Closing revokes the partitions, which commits what was printed, and leaves the group.
            consumer.close();
            endInOrder();
        }
    }

    /** Tells the main thread to end, and lets it. */
    private static void onTermination(Runnable tell) {
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            tell.run();
            try {
                main.join();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }));
    }

    /** Java would end with 143 after SIGTERM, whatever was done in order. */
    private static void endInOrder() {
        OUT.flush();
        Runtime.getRuntime().halt(0);
    }

    private void read(String topic, long timestampMs) {
        Map<String, Object> settings = settings(Map.of("enable.auto.commit", false, "check.crcs", true));
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            Map<TopicPartition, Long> asked = new HashMap<>();
            consumer.partitionsFor(topic)
                    .forEach(one -> asked.put(new TopicPartition(topic, one.partition()), timestampMs));
            Map<TopicPartition, Long> ends = consumer.endOffsets(asked.keySet());
            Map<TopicPartition, Long> starts = new HashMap<>();
            for (Map.Entry<TopicPartition, OffsetAndTimestamp> found : consumer.offsetsForTimes(asked).entrySet()) {
                // null where no record is that young.
                if (found.getValue() != null && found.getValue().offset() < ends.get(found.getKey())) {
                    starts.put(found.getKey(), found.getValue().offset());
                }
            }
            consumer.assign(starts.keySet());
            starts.forEach(consumer::seek);
            Set<TopicPartition> left = new HashSet<>(starts.keySet());
            while (!left.isEmpty()) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (record.offset() < ends.get(new TopicPartition(topic, record.partition()))) {
                        show(record);
                    }
                }
                left.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
            }
        }
    }

    private void copy(String source, String target, String group, String transactionalId) {
        AtomicBoolean isOver = new AtomicBoolean();
        onTermination(() -> isOver.set(true));
        Map<String, Object> producing =
                settings(Map.of("transactional.id", transactionalId, "transaction.timeout.ms", 10_000));
        var producer = new KafkaProducer<>(producing, new ByteArraySerializer(), new ByteArraySerializer());
        // Ends what a predecessor has left open, before the group's offsets are asked for.
        producer.initTransactions();
        Map<String, Object> consuming =
                settings(
                        Map.of(
                                "group.id", group,
                                "group.instance.id", transactionalId,
                                "session.timeout.ms", 6000,
                                "heartbeat.interval.ms", 1000,
                                "auto.offset.reset", "earliest",
                                "enable.auto.commit", false,
                                "isolation.level", "read_committed",
                                "max.poll.records", RECORDS_PER_TRANSACTION));
        var consumer = new KafkaConsumer<>(consuming, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        consumer.subscribe(List.of(source));
        int number = 0;
        while (!isOver.get()) {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
            if (records.isEmpty()) {
                continue;
            }
            number++;
            boolean isWanted = number % ABORTED_EVERY != 0;
            boolean isCommitted = transact(producer, consumer, records, target, isWanted);
            OUT.println(JSON.createObjectNode().put(isCommitted ? "committed" : "aborted", records.count()));
        }
        consumer.close();
        producer.close();
        endInOrder();
    }

    /** Whether it was committed; if not, the consumer is back where its group has committed. */
    private static boolean transact(
            KafkaProducer<byte[], byte[]> producer,
            KafkaConsumer<byte[], byte[]> consumer,
            ConsumerRecords<byte[], byte[]> records,
            String target,
            boolean isWanted) {
        producer.beginTransaction();
        try {
            for (ConsumerRecord<byte[], byte[]> record : records) {
                producer.send(new ProducerRecord<>(target, record.partition(), record.key(), record.value()));
            }
            if (isWanted) {
                producer.sendOffsetsToTransaction(records.nextOffsets(), consumer.groupMetadata());
                producer.commitTransaction();
                return true;
            }
            // What is aborted is to be in the log, not in the producer's buffer.
            producer.flush();
        } catch (ProducerFencedException fenced) {
            throw fenced;
        } catch (KafkaException failed) {
            System.err.println(failed);
        }
        producer.abortTransaction();
        consumer.committed(consumer.assignment()).forEach((partition, committed) ->
                consumer.seek(partition, committed == null ? 0 : committed.offset()));
        return false;
    }

    private Map<String, Object> settings(Map<String, Object> own) {
        Map<String, Object> settings = new HashMap<>(own);
        settings.put("bootstrap.servers", bootstrap);
        return settings;
    }

    private static void show(ConsumerRecord<byte[], byte[]> record) {
        ObjectNode shown = JSON.createObjectNode();
        shown.put("partition", record.partition()).put("offset", record.offset());
        shown.put("timestamp", record.timestamp()).put("key", text(record.key())).put("value", text(record.value()));
        ArrayNode headers = shown.putArray("headers");
        for (Header header : record.headers()) {
            headers.addArray().add(header.key()).add(text(header.value()));
        }
        OUT.println(shown);
    }

    private static byte[] bytes(JsonNode text) {
        return text.isNull() ? null : text.asText().getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] data) {
        return data == null ? null : new String(data, StandardCharsets.UTF_8);
    }
}
