import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The plainest Java producer: a loop of `send`, with so many messages under way at most; its defaults but acks=1.
 *
 * Arguments: brokers, topic, partitions (not used), messages of a pass, seconds to warm up and to measure, messages under way.
 */
public final class SendLoop {
  private static final byte[] VALUE = new byte[100];

  public static void main(String[] args) {
    long messages = Long.parseLong(args[3]);
    int underWay = Integer.parseInt(args[6]);
    new Measurement(args[4], args[5]).run(messages, pass -> write(args[0], args[1], messages, underWay, pass));
  }

  private static void write(String brokers, String topic, long messages, int underWay, Measurement.Pass pass) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("acks", "1");
    AtomicReference<Exception> failed = new AtomicReference<>();
    Semaphore free = new Semaphore(underWay);
    CountDownLatch left = new CountDownLatch((int) messages);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.send(new ProducerRecord<>(topic, VALUE)).get();
      pass.begin();
      for (long i = 0; i < messages; i++) {
        free.acquire();
        producer.send(new ProducerRecord<>(topic, VALUE), (metadata, error) -> {
          if (error != null) failed.set(error);
          free.release();
          left.countDown();
        });
      }
      left.await();
      pass.end();
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
    if (failed.get() != null) throw new IllegalStateException(failed.get());
  }
}
