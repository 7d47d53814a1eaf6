import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Confluent's parallel consumer, one key at a time, with a handler that does nothing or sleeps 5 ms; otherwise its defaults.
 *
 * Arguments: brokers, topic, partitions (not used), messages of a pass, seconds to warm up and to measure, concurrency, `no-op` or `sleep`.
 */
public final class Parallel {
  private static final long HANDLER_MS = 5;

  public static void main(String[] args) {
    long messages = Long.parseLong(args[3]);
    int concurrency = Integer.parseInt(args[6]);
    boolean sleeps = args[7].equals("sleep");
    new Measurement(args[4], args[5])
      .run(messages, pass -> read(args[0], args[1], messages, concurrency, sleeps, pass));
    Runtime.getRuntime().halt(0);
  }

  private static void read(
      String brokers, String topic, long messages, int concurrency, boolean sleeps, Measurement.Pass pass) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("group.id", "bench-" + System.nanoTime());
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    ParallelStreamProcessor<byte[], byte[]> processor = ParallelStreamProcessor.createEosStreamProcessor(
      ParallelConsumerOptions.<byte[], byte[]>builder()
        .consumer(new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer()))
        .ordering(ProcessingOrder.KEY)
        .maxConcurrency(concurrency)
        .build());
    AtomicLong seen = new AtomicLong();
    CountDownLatch done = new CountDownLatch(1);
    processor.subscribe(List.of(topic));
    processor.poll(context -> {
      if (sleeps) pause();
      long count = seen.incrementAndGet();
      if (count == 1) pass.begin();
      if (count == messages) {
        pass.end();
        done.countDown();
      }
    });
    try {
      done.await();
    } catch (InterruptedException impossible) {
      throw new IllegalStateException(impossible);
    }
    processor.closeDontDrainFirst();
  }

  private static void pause() {
    try {
      Thread.sleep(HANDLER_MS);
    } catch (InterruptedException closing) {
      Thread.currentThread().interrupt();
    }
  }
}
