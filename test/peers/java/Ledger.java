import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Copies messages from one topic to another in transactions that hold the group's offsets too, and aborts every other one before it
 * commits. Then another producer takes its transactional id over. Prints what happened, and all that was committed. Arguments:
 * bootstrap servers, the topics from and to, the group, and how many messages there are.
 */
public final class Ledger {
  public static void main(String[] args) {
    String brokers = args[0];
    String from = args[1];
    String to = args[2];
    String group = args[3];
    int messages = Integer.parseInt(args[4]);
    try (KafkaConsumer<String, String> consumer = consumer(brokers, group);
        KafkaProducer<String, String> producer = producer(brokers, to)) {
      producer.initTransactions();
      consumer.subscribe(List.of(from));
      int committed = 0;
      int aborted = 0;
      for (int copied = 0; copied < messages; ) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofSeconds(1));
        if (records.isEmpty()) continue;
        producer.beginTransaction();
        for (ConsumerRecord<String, String> each : records) {
          producer.send(new ProducerRecord<>(to, each.key(), each.value()));
        }
        producer.sendOffsetsToTransaction(after(records), consumer.groupMetadata());
        if (aborted <= committed) {
          producer.flush();
          producer.abortTransaction();
          aborted += 1;
          records.partitions().forEach(it -> consumer.seek(it, records.records(it).get(0).offset()));
        } else {
          producer.commitTransaction();
          committed += 1;
          copied += records.count();
        }
      }
      System.out.printf("committed %s, aborted %s%n", committed > 0, aborted > 0);
      try (KafkaProducer<String, String> next = producer(brokers, to)) {
        next.initTransactions();
        try {
          producer.beginTransaction();
          producer.send(new ProducerRecord<>(to, "late", "late"));
          producer.commitTransaction();
          System.out.println("not refused");
        } catch (ApiException refused) {
          System.out.println(refused.getClass().getSimpleName());
        }
      }
    }
    tell(brokers, to, group);
  }

  /** Prints every committed message of a topic, up to its end. */
  private static void tell(String brokers, String topic, String group) {
    try (KafkaConsumer<String, String> consumer = consumer(brokers, group)) {
      List<TopicPartition> all =
        consumer.partitionsFor(topic).stream().map(it -> new TopicPartition(topic, it.partition())).toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      Map<TopicPartition, Long> ends = consumer.endOffsets(all);
      while (all.stream().anyMatch(it -> consumer.position(it) < ends.get(it))) {
        consumer.poll(Duration.ofMillis(100)).forEach(each -> System.out.println(each.value()));
      }
    }
  }

  private static Map<TopicPartition, OffsetAndMetadata> after(ConsumerRecords<String, String> records) {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    for (ConsumerRecord<String, String> each : records) {
      offsets.put(new TopicPartition(each.topic(), each.partition()), new OffsetAndMetadata(each.offset() + 1));
    }
    return offsets;
  }

  private static KafkaConsumer<String, String> consumer(String brokers, String group) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("group.id", group);
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "earliest");
    properties.put("isolation.level", "read_committed");
    properties.put("max.poll.records", "10");
    return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
  }

  private static KafkaProducer<String, String> producer(String brokers, String id) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("transactional.id", id);
    return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
  }
}
