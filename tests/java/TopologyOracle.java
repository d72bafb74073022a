import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.test.TestRecord;

/**
 * What Kafka Streams itself makes of given records: {@link OracleTopologies} under its own test driver.
 *
 * <p>Standard input: {@code topology NAME}, then records, one a line, then {@code end}; as many topologies as there
 * are, one after the other. A record is {@code TOPIC KEY=VALUE @TIME #HEADER=VALUE}, {@code ~} is null, and words hold
 * no spaces. Standard output: for each topology its outputs in the order in which they came about, each behind the
 * number of the record that made it ({@code 0 out KEY=VALUE @TIME}), and {@code end}.
 */
public final class TopologyOracle {
    private static final String OUTPUT = "out";
    /** After how many records what nobody reads, such as changelogs, is thrown away. */
    private static final int TIDY_EVERY = 1000;

    private static final PrintStream OUT = new PrintStream(
            new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)), false, StandardCharsets.UTF_8);

    private TopologyOracle() {}

    /** STATE_DIR: a folder for what Kafka Streams keeps. */
    public static void main(String[] arguments) throws IOException {
        BufferedReader in = new BufferedReader(
                new InputStreamReader(new FileInputStream(FileDescriptor.in), StandardCharsets.UTF_8), 1 << 16);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            if (words.length != 2 || !words[0].equals("topology")) {
                throw new IllegalArgumentException("not the beginning of a topology: " + line);
            }
            run(words[1], in, arguments[0]);
            OUT.println("end");
            OUT.flush();
        }
    }

    private static void run(String name, BufferedReader in, String stateDir) throws IOException {
        StreamsBuilder builder = new StreamsBuilder();
        OracleTopologies.named(name).accept(builder);
        Properties settings = settings(name, stateDir);
        try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(), settings, Instant.EPOCH)) {
            Run run = new Run(driver);
            for (String line = in.readLine(); line != null && !line.equals("end"); line = in.readLine()) {
                run.feed(line);
            }
        }
    }

    private static Properties settings(String name, String stateDir) {
        Properties settings = new Properties();
        settings.put("application.id", name);
        settings.put("state.dir", stateDir);
        // Every change of a store is an output.
        settings.put("statestore.cache.max.bytes", 0);
        // Windows that have closed are looked for with every record, not once a second by the clock, which stands still.
        settings.put("__emit.interval.ms.kstreams.windowed.aggregation__", 0L);
        if (!OracleTopologies.needsDisk(name)) {
            // The driver commits after every record, which stores on disk answer with a flush.
            settings.put("dsl.store.suppliers.class", BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class);
        }
        return settings;
    }

    /** One topology at work. */
    private static final class Run {
        private final TopologyTestDriver driver;
        private final TestOutputTopic<String, String> output;
        private final Map<String, TestInputTopic<String, String>> inputs = new HashMap<>();
        private int fed;

        Run(TopologyTestDriver driver) {
            this.driver = driver;
            this.output = driver.createOutputTopic(OUTPUT, new StringDeserializer(), new StringDeserializer());
        }

        void feed(String line) {
            String[] words = line.split(" ");
            input(words[0]).pipeInput(record(words));
            while (!output.isEmpty()) {
                OUT.append(Integer.toString(fed)).append(' ').append(OUTPUT);
                write(output.readRecord());
            }
            fed++;
            if (fed % TIDY_EVERY == 0) {
                tidy();
            }
        }

        private TestInputTopic<String, String> input(String topic) {
            return inputs.computeIfAbsent(topic, name -> driver.createInputTopic(
                    name, new StringSerializer(), new StringSerializer()));
        }

        private void tidy() {
            for (String topic : List.copyOf(driver.producedTopicNames())) {
                driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer())
                        .readRecordsToList();
            }
        }
    }

    private static TestRecord<String, String> record(String[] words) {
        String[] pair = words[1].split("=", 2);
        Headers headers = new RecordHeaders();
        for (int at = 3; at < words.length; at++) {
            String[] header = words[at].substring(1).split("=", 2);
            String value = some(header[1]);
            headers.add(header[0], value == null ? null : value.getBytes(StandardCharsets.UTF_8));
        }
        long time = Long.parseLong(words[2].substring(1));
        return new TestRecord<>(some(pair[0]), some(pair[1]), headers, time);
    }

    private static void write(TestRecord<String, String> record) {
        OUT.append(' ').append(text(record.key())).append('=').append(text(record.value()));
        OUT.append(" @").append(Long.toString(record.timestamp()));
        for (Header header : record.headers()) {
            byte[] value = header.value();
            String read = value == null ? null : new String(value, StandardCharsets.UTF_8);
            OUT.append(" #").append(header.key()).append('=').append(text(read));
        }
        OUT.append('\n');
    }

    private static String some(String word) {
        return word.equals("~") ? null : word;
    }

    private static String text(String some) {
        return some == null ? "~" : some;
    }
}
