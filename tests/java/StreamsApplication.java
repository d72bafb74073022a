import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.TaskMetadata;
import org.apache.kafka.streams.ThreadMetadata;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * An application by Kafka Streams, exactly once: counts the inputs of each word, in a store behind a repartition.
 *
 * <p>An input's value is {@code WORD/NUMBER}. Each gives one output: the word, and as value {@code COUNT WORD/NUMBER},
 * so that outputs tell which inputs were counted, how often, and in which order. Lines on standard output are JSON: the
 * state and the tasks of this instance, a line whenever one of them has changed.
 */
public final class StreamsApplication {
    private static final Duration LOOK = Duration.ofMillis(50);
    private static final Duration CLOSING = Duration.ofSeconds(20);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    private StreamsApplication() {}

    /** BOOTSTRAP APPLICATION INPUT OUTPUT STATE_DIR [NAME=VALUE ...]: settings of Kafka Streams. */
    public static void main(String[] arguments) throws Exception {
        Properties settings = settings(arguments[0], arguments[1], arguments[4]);
        for (int at = 5; at < arguments.length; at++) {
            String[] setting = arguments[at].split("=", 2);
            settings.put(setting[0], setting[1]);
        }
        KafkaStreams streams = new KafkaStreams(topology(arguments[2], arguments[3]), settings);
        CountDownLatch isOver = new CountDownLatch(1);
        onTermination(isOver::countDown);
        streams.start();
        String told = "";
        do {
            told = tell(streams, told);
            if (streams.state() == State.ERROR) {
                OUT.flush();
                Runtime.getRuntime().halt(1);
            }
        } while (!isOver.await(LOOK.toMillis(), TimeUnit.MILLISECONDS));
        CloseOptions leaving = CloseOptions.groupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP);
        boolean isClosed = streams.close(leaving.withTimeout(CLOSING));
        tell(streams, told);
        OUT.flush();
        // Java would end with 143 after SIGTERM, whatever was done in order.
        Runtime.getRuntime().halt(isClosed ? 0 : 2);
    }

    private static Properties settings(String bootstrap, String application, String stateDir) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("application.id", application);
        settings.put("state.dir", stateDir);
        settings.put("processing.guarantee", "exactly_once_v2");
        // Every change of the store is an output.
        settings.put("statestore.cache.max.bytes", 0);
        settings.put("ensure.explicit.internal.resource.naming", true);
        settings.put("consumer.auto.offset.reset", "earliest");
        return settings;
    }

    private static Topology topology(String input, String output) {
        StreamsBuilder builder = new StreamsBuilder();
        Materialized<String, String, KeyValueStore<Bytes, byte[]>> counts = Materialized.as("counts");
        builder.stream(input, Consumed.with(Serdes.String(), Serdes.String()))
                .selectKey((key, value) -> value.substring(0, value.indexOf('/')))
                .groupByKey(Grouped.with("words", Serdes.String(), Serdes.String()))
                .aggregate(
                        () -> "0",
                        (word, value, before) -> count(before) + 1 + " " + value,
                        counts.withKeySerde(Serdes.String()).withValueSerde(Serdes.String()))
                .toStream()
                .to(output, Produced.with(Serdes.String(), Serdes.String()));
        return builder.build();
    }

    private static int count(String counted) {
        return Integer.parseInt(counted.split(" ", 2)[0]);
    }

    /** Prints how the instance is, if it is not as it was told before. */
    private static String tell(KafkaStreams streams, String before) {
        ObjectNode shown = JSON.createObjectNode().put("state", streams.state().toString());
        ArrayNode active = shown.putArray("active");
        ArrayNode standby = shown.putArray("standby");
        // A started instance alone knows its threads.
        if (streams.state().isRunningOrRebalancing()) {
            for (ThreadMetadata thread : streams.metadataForLocalThreads()) {
                ids(thread.activeTasks()).forEach(active::add);
                ids(thread.standbyTasks()).forEach(standby::add);
            }
        }
        String now = shown.toString();
        if (!now.equals(before)) {
            OUT.println(now);
        }
        return now;
    }

    private static TreeSet<String> ids(Collection<TaskMetadata> tasks) {
        TreeSet<String> ids = new TreeSet<>();
        tasks.forEach(task -> ids.add(task.taskId().toString()));
        return ids;
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
}
