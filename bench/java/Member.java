import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A member of a group, as those of bench/children/member.ts: it waits some time for each message, for all messages of a poll at
 * once, and polls again when they are done, so that a commit covers only those. Commits are Kafka's automatic ones, and one before
 * partitions are given up, as its documentation advises: without it each of them is handled again from the last automatic one.
 *
 * Arguments: brokers, topic, group, session timeout, heartbeat interval, commit interval and time of a handler in ms.
 */
public final class Member {
  // Not System.out: what was written has to be there when this is killed.
  private static final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
  private static final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private static volatile boolean open = true;

  public static void main(String[] args) throws Exception {
    long handlerMs = Long.parseLong(args[6]);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties(args), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      print("ready");
      in.readLine();
      consumer.subscribe(List.of(args[1]), committing(consumer));
      new Thread(() -> untilToldToLeave(in, consumer)).start();
      while (open) handle(consumer.poll(Duration.ofSeconds(1)), handlerMs);
    } catch (WakeupException leaving) {
      // As it was told.
    }
    System.exit(0);
  }

  private static Properties properties(String[] args) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    properties.put("group.id", args[2]);
    properties.put("session.timeout.ms", args[3]);
    properties.put("heartbeat.interval.ms", args[4]);
    properties.put("auto.commit.interval.ms", args[5]);
    properties.put("enable.auto.commit", "true");
    properties.put("auto.offset.reset", "earliest");
    properties.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
    return properties;
  }

  private static ConsumerRebalanceListener committing(KafkaConsumer<byte[], byte[]> consumer) {
    return new ConsumerRebalanceListener() {
      @Override
      public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        consumer.commitSync();
      }

      @Override
      public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
    };
  }

  private static void untilToldToLeave(BufferedReader in, KafkaConsumer<byte[], byte[]> consumer) {
    try {
      in.readLine();
    } catch (IOException closed) {
      // Nobody is there any more.
    }
    open = false;
    consumer.wakeup();
  }

  private static void handle(ConsumerRecords<byte[], byte[]> records, long handlerMs) throws InterruptedException {
    CountDownLatch undone = new CountDownLatch(records.count());
    for (ConsumerRecord<byte[], byte[]> record : records) {
      timer.schedule(() -> {
        print(record.partition() + " " + record.offset());
        undone.countDown();
      }, handlerMs, TimeUnit.MILLISECONDS);
    }
    undone.await();
  }

  /** With the clock that all processes of a machine share. */
  private static void print(String what) {
    try {
      out.write((what + " " + System.nanoTime() / 1_000 + "\n").getBytes(StandardCharsets.US_ASCII));
    } catch (IOException closed) {
      System.exit(1);
    }
  }
}
