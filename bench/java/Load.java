// Kafka's Java client under the load of bench/crates/load: the same records, settings and report.

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class Load {
  private static final int KEY = 8;

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0];
    String topic = args[1];
    int partitions = Integer.parseInt(args[2]);
    long records = Long.parseLong(args[3]);
    if (args[4].equals("produce")) {
      produce(bootstrap, topic, partitions, records, args);
    } else {
      consume(bootstrap, topic, partitions, records);
    }
  }

  private static void produce(String bootstrap, String topic, int partitions, long records, String[] args)
      throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("acks", "all");
    properties.put("enable.idempotence", "true");
    properties.put("linger.ms", args[6]);
    properties.put("batch.size", args[7]);
    properties.put("buffer.memory", "33554432");
    try (var producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.partitionsFor(topic);
      byte[] bytes = bytes(Integer.parseInt(args[5]));
      Watch watch = new Watch();
      for (long number = 0; number < records; number++) {
        byte[] key = ByteBuffer.allocate(KEY).putLong(number).array();
        byte[] value = java.util.Arrays.copyOfRange(bytes, KEY, bytes.length);
        producer.send(new ProducerRecord<>(topic, (int) (number % partitions), key, value));
      }
      producer.flush();
      watch.report(records, 0);
    }
  }

  private static void consume(String bootstrap, String topic, int partitions, long records)
      throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("fetch.max.bytes", "16777216");
    properties.put("max.partition.fetch.bytes", "1048576");
    properties.put("max.poll.records", "50000");
    try (var consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> assigned = new ArrayList<>();
      for (int partition = 0; partition < partitions; partition++) {
        assigned.add(new TopicPartition(topic, partition));
      }
      Watch watch = new Watch();
      consumer.assign(assigned);
      consumer.seekToBeginning(assigned);
      long seen = 0;
      long sum = 0;
      while (seen < records) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
          sum += sum(record.key()) + sum(record.value());
          seen++;
        }
      }
      watch.report(records, sum);
    }
  }

  private static byte[] bytes(int size) {
    byte[] bytes = new byte[Math.max(size, KEY)];
    long state = 0x9e3779b97f4a7c15L;
    for (int index = 0; index < bytes.length; index++) {
      state = state * 6364136223846793005L + 1442695040888963407L;
      bytes[index] = (byte) (state >>> 56);
    }
    return bytes;
  }

  private static long sum(byte[] bytes) {
    long sum = 0;
    if (bytes != null) {
      for (byte one : bytes) {
        sum += one & 0xff;
      }
    }
    return sum;
  }

  /** From the first record to the last, the JVM's own threads included. */
  private static final class Watch {
    private final long start = System.nanoTime();
    private final long[] ticks = ticks();

    void report(long records, long sum) throws Exception {
      double seconds = (System.nanoTime() - start) / 1e9;
      long[] now = ticks();
      System.out.printf(
          Locale.ROOT,
          "{\"records\":%d,\"seconds\":%.3f,\"user_seconds\":%.2f,\"system_seconds\":%.2f,"
              + "\"peak_memory_bytes\":%d,\"sum\":%d}%n",
          records, seconds, (now[0] - ticks[0]) / 100.0, (now[1] - ticks[1]) / 100.0, peak(), sum);
    }

    private static long[] ticks() {
      try {
        String stat = Files.readString(Path.of("/proc/self/stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return new long[] {Long.parseLong(fields[11]), Long.parseLong(fields[12])};
      } catch (java.io.IOException error) {
        throw new java.io.UncheckedIOException(error);
      }
    }

    private static long peak() throws java.io.IOException {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("VmHWM:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
      }
      return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
  }
}
