import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * What bench/children/produce/latency.ts measures, for a JVM: from `send` to what `poll` answers, ten messages together every
 * millisecond, by a producer in one thread and a consumer in another.
 *
 * Arguments: brokers, topic, partitions, messages of a pass (not used), seconds to warm up and to measure; further settings of the
 * producer as NAME=VALUE.
 */
public final class Latency {
  private static final int PER_SECOND = 10_000;
  private static final int BYTES = 100;
  private static final long TICK_NANOS = 1_000_000;
  private static volatile double[] cpuBefore;

  public static void main(String[] args) throws Exception {
    String topic = args[1];
    int warm = (int) Math.round(PER_SECOND * Double.parseDouble(args[4]));
    double seconds = Double.parseDouble(args[5]);
    int measured = (int) Math.round(PER_SECOND * seconds);
    List<TopicPartition> partitions = IntStream.range(0, Integer.parseInt(args[2]))
      .mapToObj(partition -> new TopicPartition(topic, partition)).collect(Collectors.toList());
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(partitions);
      consumer.seekToEnd(partitions);
      for (TopicPartition partition : partitions) consumer.position(partition);
      Properties ofProducer = new Properties();
      ofProducer.putAll(settings);
      for (String setting : Arrays.copyOfRange(args, 6, args.length)) {
        int at = setting.indexOf('=');
        ofProducer.put(setting.substring(0, at), setting.substring(at + 1));
      }
      Thread producing = new Thread(() -> produce(ofProducer, topic, warm, warm + measured));
      producing.setDaemon(true);
      producing.start();
      double[] latencies = new double[measured];
      for (int received = 0; received < warm + measured; ) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
          long sentAt = ByteBuffer.wrap(record.value()).getLong();
          if (received >= warm) latencies[received - warm] = (System.nanoTime() - sentAt) / 1e6;
          received++;
        }
      }
      double[] cpu = Measurement.cpuSeconds();
      Arrays.sort(latencies);
      System.out.println(String.format(Locale.ROOT,
        "{\"note\":\"Java %s\",\"firstPass\":null,\"passes\":1,\"messages\":%d,\"seconds\":%f,\"cpuUser\":%f,\"cpuSystem\":%f,"
          + "\"timerLateMs\":null,\"rssPeakMib\":%f,\"rss\":null,"
          + "\"latencyMs\":{\"samples\":%d,\"p50\":%f,\"p95\":%f,\"p99\":%f,\"max\":%f}}",
        System.getProperty("java.version"), measured, seconds, cpu[0] - cpuBefore[0], cpu[1] - cpuBefore[1],
        Measurement.rssPeakMib(), measured, at(latencies, 0.5), at(latencies, 0.95), at(latencies, 0.99), at(latencies, 1)));
    }
  }

  private static double at(double[] sorted, double part) {
    return sorted[Math.min(sorted.length - 1, (int) (sorted.length * part))];
  }

  private static void produce(Properties settings, String topic, int warm, int count) {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.partitionsFor(topic);
      long startedAt = System.nanoTime();
      for (int sent = 0, tick = 1; sent < count; tick++) {
        LockSupport.parkNanos(startedAt + tick * TICK_NANOS - System.nanoTime());
        double due = Math.min((System.nanoTime() - startedAt) / 1e9 * PER_SECOND, count);
        for (; sent < due; sent++) {
          if (sent == warm) cpuBefore = Measurement.cpuSeconds();
          byte[] value = new byte[BYTES];
          ByteBuffer.wrap(value).putLong(System.nanoTime());
          producer.send(new ProducerRecord<>(topic, value), (metadata, error) -> {
            if (error == null) return;
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
          });
        }
      }
    }
  }
}
