import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A member of a share group, by Apache Kafka's Java client.
 *
 * <p>Lines on standard output are JSON: an array of records that were received, each with its partition, offset, value
 * and how often it has been delivered; and of those whose acknowledgement was answered, partition and offset, with the
 * error if there was one.
 */
public final class ShareDriver {
    /** Long enough to be killed or stopped meanwhile. */
    private static final long LATE_MS = 6_000;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    private final KafkaShareConsumer<String, String> consumer;
    /** Until when a record is to be held and renewed. */
    private final Map<String, Long> heldUntil = new HashMap<>();

    private ShareDriver(KafkaShareConsumer<String, String> consumer) {
        this.consumer = consumer;
    }

    /**
     * BOOTSTRAP TOPIC GROUP MODE [NAME=VALUE ...]: until SIGTERM; settings of the client.
     *
     * <ul>
     *   <li>implicit: the next poll accepts what the last one gave
     *   <li>explicit: each record is acknowledged as its value says (see {@link #decide})
     *   <li>late: accepts everything, but what comes first only when it has slept for {@link #LATE_MS}
     * </ul>
     */
    public static void main(String[] arguments) throws Exception {
        String mode = arguments[3];
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("group.id", arguments[2]);
        settings.put("share.acknowledgement.mode", mode.equals("implicit") ? "implicit" : "explicit");
        for (int at = 4; at < arguments.length; at++) {
            String[] setting = arguments[at].split("=", 2);
            settings.put(setting[0], setting[1]);
        }
        var consumer = new KafkaShareConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
        consumer.setAcknowledgementCommitCallback(ShareDriver::tellAnswered);
        onTermination(consumer::wakeup);
        consumer.subscribe(List.of(arguments[1]));
        try {
            new ShareDriver(consumer).work(mode);
        } catch (WakeupException stopped) {
            // Closing acknowledges what is decided, releases what is not, and leaves the group.
            consumer.close();
            OUT.flush();
            // Java would end with 143 after SIGTERM, whatever was done in order.
            Runtime.getRuntime().halt(0);
        }
    }

    private void work(String mode) throws Exception {
        boolean isLate = mode.equals("late");
        while (true) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
            if (records.isEmpty()) {
                continue;
            }
            tellReceived(records);
            if (isLate) {
                Thread.sleep(LATE_MS);
                isLate = false;
            }
            if (mode.equals("implicit")) {
                continue;
            }
            boolean isHeld = false;
            for (ConsumerRecord<String, String> record : records) {
                AcknowledgeType type = mode.equals("explicit") ? decide(record) : AcknowledgeType.ACCEPT;
                consumer.acknowledge(record, type);
                isHeld |= type == AcknowledgeType.RENEW;
            }
            consumer.commitSync();
            if (isHeld) {
                Thread.sleep(200);
            }
        }
    }

    /**
     * By what stands before the slash: accept; release, to be accepted the second time; reject; poison, to be released
     * whenever it comes; or renew-MS, to be held so long and then accepted.
     */
    private AcknowledgeType decide(ConsumerRecord<String, String> record) {
        String wish = record.value().split("/", 2)[0];
        String[] words = wish.split("-", 2);
        return switch (words[0]) {
            case "accept" -> AcknowledgeType.ACCEPT;
            case "release" -> isFirst(record) ? AcknowledgeType.RELEASE : AcknowledgeType.ACCEPT;
            case "reject" -> AcknowledgeType.REJECT;
            case "poison" -> AcknowledgeType.RELEASE;
            case "renew" -> {
                long now = System.nanoTime();
                long held = Duration.ofMillis(Long.parseLong(words[1])).toNanos();
                long until = heldUntil.computeIfAbsent(record.value(), first -> now + held);
                yield now < until ? AcknowledgeType.RENEW : AcknowledgeType.ACCEPT;
            }
            default -> throw new IllegalArgumentException("no such wish: " + record.value());
        };
    }

    private static boolean isFirst(ConsumerRecord<String, String> record) {
        return record.deliveryCount().orElseThrow() == 1;
    }

    private static void tellReceived(ConsumerRecords<String, String> records) {
        ObjectNode shown = JSON.createObjectNode();
        ArrayNode received = shown.putArray("received");
        for (ConsumerRecord<String, String> record : records) {
            ObjectNode one = received.addObject().put("partition", record.partition()).put("offset", record.offset());
            one.put("value", record.value()).put("deliveries", record.deliveryCount().orElseThrow());
        }
        OUT.println(shown);
    }

    private static void tellAnswered(Map<TopicIdPartition, Set<Long>> offsets, Exception error) {
        ObjectNode shown = JSON.createObjectNode();
        ArrayNode answered = shown.putArray("answered");
        offsets.forEach((partition, some) -> {
            for (long offset : some) {
                answered.addObject().put("partition", partition.partition()).put("offset", offset);
            }
        });
        shown.put("error", error == null ? null : error.getClass().getSimpleName());
        OUT.println(shown);
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
