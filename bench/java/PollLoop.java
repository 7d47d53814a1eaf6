import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * The plainest Java consumer: poll, touch every value, count; offsets are committed by interval. All at its defaults.
 *
 * Arguments: brokers, topic, partitions, messages of a pass, seconds to warm up and to measure; further settings as NAME=VALUE.
 */
public final class PollLoop {
  private static long bytes;

  public static void main(String[] args) {
    String topic = args[1];
    List<TopicPartition> partitions = IntStream.range(0, Integer.parseInt(args[2]))
      .mapToObj(partition -> new TopicPartition(topic, partition)).collect(Collectors.toList());
    long messages = Long.parseLong(args[3]);
    Properties settings = new Properties();
    for (String setting : Arrays.copyOfRange(args, 6, args.length)) {
      int at = setting.indexOf('=');
      settings.put(setting.substring(0, at), setting.substring(at + 1));
    }
    settings.put("bootstrap.servers", args[0]);
    new Measurement(args[4], args[5]).run(messages, pass -> read(settings, partitions, messages, pass));
    if (bytes == 0) throw new IllegalStateException("nothing was touched");
  }

  private static void read(Properties settings, List<TopicPartition> partitions, long messages, Measurement.Pass pass) {
    Properties properties = new Properties();
    properties.putAll(settings);
    properties.put("group.id", "bench-" + System.nanoTime());
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "true");
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(partitions);
      long seen = 0;
      while (seen < messages) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
          if (seen == 0) pass.begin();
          bytes += record.value().length;
          if (++seen == messages) pass.end();
        }
      }
    }
  }
}
