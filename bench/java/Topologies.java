// Kafka Streams under the work of bench/crates/topologies: the same topologies, topics and ends.

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowBytesStoreSupplier;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Runs a topology to the ends of its inputs, which hold still.
 *
 * <p>First it runs the same topology over the beginning of the same inputs as another application with another output, so
 * that classes are loaded and hot code is compiled. Then it says {@code start} once the instance runs, closes the instance
 * when it has processed as many records as there are, says {@code end} when that is done, and lives until its input is
 * closed: whoever started it reads from outside what it has used.
 */
public final class Topologies {
    private static final int HALF = 46;
    private static final Duration CLOSING = Duration.ofMinutes(2);
    private static final long LOOK_MS = 20;
    private static final Serde<byte[]> BYTES = Serdes.ByteArray();

    /** What is to be run: the arguments are NAME=VALUE. */
    private final Map<String, String> arguments;

    private Topologies(String[] arguments) {
        this.arguments =
                Arrays.stream(arguments)
                        .map(argument -> argument.split("=", 2))
                        .collect(Collectors.toMap(parts -> parts[0], parts -> parts[1]));
    }

    public static void main(String[] arguments) throws Exception {
        Topologies topologies = new Topologies(arguments);
        long warm = Long.parseLong(topologies.get("warm"));
        if (warm > 0) {
            topologies.run("warm-application", "warm-output", warm, false);
        }
        topologies.run("application", "output", Long.parseLong(topologies.get("records")), true);
        // Until whoever measures has looked.
        System.in.readAllBytes();
    }

    /** Processes at least so many records; says when it starts and ends. */
    private void run(String application, String output, long records, boolean says) throws Exception {
        KafkaStreams streams = new KafkaStreams(topology(get(output)), settings(get(application)));
        CountDownLatch runs = new CountDownLatch(1);
        streams.setStateListener(
                (now, before) -> {
                    if (now == State.RUNNING) {
                        runs.countDown();
                    }
                });
        streams.start();
        runs.await();
        if (says) {
            System.out.println("start");
        }
        Predicate<MetricName> isOfThreads =
                name -> name.name().equals("process-total") && name.group().equals("stream-thread-metrics");
        while (sum(streams, isOfThreads) < records) {
            if (streams.state() == State.ERROR) {
                throw new IllegalStateException("the instance has failed");
            }
            Thread.sleep(LOOK_MS);
        }
        if (!streams.close(CLOSING)) {
            throw new IllegalStateException("the instance did not close");
        }
        if (says) {
            System.out.println("end");
        }
    }

    private static double sum(KafkaStreams streams, Predicate<MetricName> wanted) {
        double sum = 0;
        for (Metric metric : streams.metrics().values()) {
            if (wanted.test(metric.metricName())) {
                sum += (double) metric.metricValue();
            }
        }
        return sum;
    }

    private Properties settings(String application) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", get("bootstrap"));
        settings.put("application.id", application);
        settings.put("state.dir", get("state"));
        settings.put("processing.guarantee", "at_least_once");
        settings.put("num.stream.threads", get("threads"));
        settings.put("commit.interval.ms", get("commit-ms"));
        settings.put("auto.offset.reset", "earliest");
        settings.put("producer.linger.ms", get("linger-ms"));
        settings.put("producer.batch.size", get("batch-bytes"));
        if (get("cache").equals("off")) {
            settings.put("statestore.cache.max.bytes", 0);
        }
        return settings;
    }

    private String get(String name) {
        return arguments.get(name);
    }

    private boolean isInMemory() {
        return get("store").equals("memory");
    }

    /** Reads the inputs in their order, and writes the output. */
    private Topology topology(String output) {
        StreamsBuilder app = new StreamsBuilder();
        String[] inputs = get("inputs").split(",");
        KStream<byte[], byte[]> stream = app.stream(inputs[0], Consumed.with(BYTES, BYTES));
        switch (get("topology")) {
            case "stateless" -> stateless(stream).to(output, Produced.with(BYTES, BYTES));
            case "repartition" -> repartition(stream).to(output, Produced.with(BYTES, BYTES));
            case "count" -> count(stream).to(output, Produced.with(BYTES, Serdes.Long()));
            case "windows" -> windows(stream).to(output, Produced.with(BYTES, Serdes.Long()));
            case "table-join" -> tableJoin(stream, inputs[1], app).to(output, Produced.with(BYTES, BYTES));
            case "stream-join" -> streamJoin(stream, inputs[1], app).to(output, Produced.with(BYTES, BYTES));
            default -> throw new IllegalArgumentException(get("topology"));
        }
        return app.build();
    }

    private static KStream<byte[], byte[]> stateless(KStream<byte[], byte[]> stream) {
        return stream.filter((key, value) -> number(value) % 8 != 0)
                .mapValues(Topologies::half)
                .filter((key, value) -> number(value) % 8 != 1)
                .mapValues(value -> joined(value, new byte[] {'!'}));
    }

    private KStream<byte[], byte[]> repartition(KStream<byte[], byte[]> stream) {
        int partitions = Integer.parseInt(get("partitions"));
        return stream.selectKey((key, value) -> bytes(number(value) % 10_000))
                .repartition(
                        Repartitioned.with(BYTES, BYTES)
                                .withName("by-number")
                                .withNumberOfPartitions(partitions))
                .mapValues(Topologies::half);
    }

    private KStream<byte[], Long> count(KStream<byte[], byte[]> stream) {
        Materialized<byte[], Long, KeyValueStore<Bytes, byte[]>> store =
                isInMemory()
                        ? Materialized.as(Stores.inMemoryKeyValueStore("counts"))
                        : Materialized.as(Stores.persistentTimestampedKeyValueStore("counts"));
        store.withKeySerde(BYTES).withValueSerde(Serdes.Long());
        return stream.groupByKey(Grouped.with(BYTES, BYTES)).count(logged(store)).toStream();
    }

    private KStream<byte[], Long> windows(KStream<byte[], byte[]> stream) {
        Duration minute = Duration.ofMinutes(1);
        Materialized<byte[], Long, WindowStore<Bytes, byte[]>> store =
                isInMemory()
                        ? Materialized.as(Stores.inMemoryWindowStore("counts", minute, minute, false))
                        : Materialized.as(
                                Stores.persistentTimestampedWindowStore("counts", minute, minute, false));
        store.withKeySerde(BYTES).withValueSerde(Serdes.Long());
        return stream.groupByKey(Grouped.with(BYTES, BYTES))
                .windowedBy(TimeWindows.ofSizeWithNoGrace(minute))
                .count(logged(store))
                .toStream()
                .map((key, count) -> new KeyValue<>(startAndKey(key), count));
    }

    private KStream<byte[], byte[]> tableJoin(KStream<byte[], byte[]> stream, String topic, StreamsBuilder app) {
        Materialized<byte[], byte[], KeyValueStore<Bytes, byte[]>> store =
                isInMemory()
                        ? Materialized.as(Stores.inMemoryKeyValueStore("table"))
                        : Materialized.as(Stores.persistentTimestampedKeyValueStore("table"));
        store.withKeySerde(BYTES).withValueSerde(BYTES);
        KTable<byte[], byte[]> table = app.table(topic, Consumed.with(BYTES, BYTES), logged(store));
        return stream.join(
                table, (left, right) -> joined(half(left), half(right)), Joined.with(BYTES, BYTES, BYTES));
    }

    private KStream<byte[], byte[]> streamJoin(KStream<byte[], byte[]> left, String topic, StreamsBuilder app) {
        KStream<byte[], byte[]> right = app.stream(topic, Consumed.with(BYTES, BYTES));
        Duration within = Duration.ofSeconds(1);
        StreamJoined<byte[], byte[], byte[]> stores =
                StreamJoined.with(BYTES, BYTES, BYTES).withName("joined").withStoreName("joined");
        if (isInMemory()) {
            stores =
                    stores.withThisStoreSupplier(joinStore("joined-this", within))
                            .withOtherStoreSupplier(joinStore("joined-other", within));
        }
        return left.join(
                right,
                (one, other) -> joined(half(one), half(other)),
                JoinWindows.ofTimeDifferenceWithNoGrace(within),
                isLogged() ? stores.withLoggingEnabled(Map.of()) : stores.withLoggingDisabled());
    }

    private static WindowBytesStoreSupplier joinStore(String name, Duration within) {
        Duration span = within.multipliedBy(2);
        return Stores.inMemoryWindowStore(name, span, span, true);
    }

    private boolean isLogged() {
        return get("changelogs").equals("on");
    }

    private <K, V, S extends StateStore> Materialized<K, V, S> logged(
            Materialized<K, V, S> store) {
        return isLogged() ? store.withLoggingEnabled(Map.of()) : store.withLoggingDisabled();
    }

    /** The number that a value begins with. */
    private static long number(byte[] value) {
        return ByteBuffer.wrap(value).getLong();
    }

    private static byte[] bytes(long number) {
        return ByteBuffer.allocate(Long.BYTES).putLong(number).array();
    }

    private static byte[] half(byte[] value) {
        return Arrays.copyOf(value, Math.min(HALF, value.length));
    }

    private static byte[] joined(byte[] left, byte[] right) {
        byte[] joined = Arrays.copyOf(left, left.length + right.length);
        System.arraycopy(right, 0, joined, left.length, right.length);
        return joined;
    }

    private static byte[] startAndKey(Windowed<byte[]> windowed) {
        return joined(bytes(windowed.window().start()), windowed.key());
    }
}
