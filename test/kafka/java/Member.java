import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A member of a group, on Kafka's own consumer. Prints `handled TOPIC-PARTITION@OFFSET` for each message, `owns N` when that changes, and
 * `leads` whenever it shares out the partitions. Leaves when its input ends. Arguments: bootstrap servers, topic, group, strategy.
 */
public final class Member {
  private static final Map<String, Class<?>> STRATEGIES =
    Map.of("range", Range.class, "cooperative-sticky", CooperativeSticky.class);

  public static void main(String[] args) {
    String topic = args[1];
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(args[0], args[2], STRATEGIES.get(args[3]))) {
      consumer.subscribe(List.of(topic), new Telling(consumer));
      Thread watch = new Thread(Member::waitForEndOfInput, "watch-stdin");
      watch.setDaemon(true);
      watch.start();
      while (watch.isAlive()) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(50));
        for (ConsumerRecord<byte[], byte[]> each : records) {
          System.out.println("handled " + each.topic() + "-" + each.partition() + "@" + each.offset());
        }
        if (!records.isEmpty()) commit(consumer);
      }
    }
  }

  /** While the group rebalances nothing can be committed; then it is done when partitions are given up, or after the next messages. */
  private static void commit(KafkaConsumer<byte[], byte[]> consumer) {
    try {
      consumer.commitSync();
    } catch (RebalanceInProgressException later) {
      // As said.
    }
  }

  private static void waitForEndOfInput() {
    try {
      while (System.in.read() >= 0) {
        // Nothing is ever sent: only the end counts.
      }
    } catch (IOException broken) {
      // As good as the end.
    }
  }

  private static KafkaConsumer<byte[], byte[]> consumer(String brokers, String group, Class<?> strategy) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("group.id", group);
    properties.put("partition.assignment.strategy", List.of(strategy));
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "earliest");
    properties.put("heartbeat.interval.ms", "50");
    properties.put("max.poll.records", "20");
    return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private record Telling(KafkaConsumer<byte[], byte[]> consumer) implements ConsumerRebalanceListener {
    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
      System.out.println("owns " + consumer.assignment().size());
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      consumer.commitSync();
    }
  }

  public static final class Range extends RangeAssignor {
    @Override
    public GroupAssignment assign(Cluster cluster, GroupSubscription subscription) {
      System.out.println("leads");
      return super.assign(cluster, subscription);
    }
  }

  public static final class CooperativeSticky extends CooperativeStickyAssignor {
    @Override
    public GroupAssignment assign(Cluster cluster, GroupSubscription subscription) {
      System.out.println("leads");
      return super.assign(cluster, subscription);
    }
  }
}
