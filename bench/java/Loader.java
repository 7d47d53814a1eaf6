import java.util.Properties;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Fills a topic with values of one size; with keys, each message has one of so many at random. The producer's defaults decide
 * how large batches are; without keys each message goes to the next partition, so that all are equally long.
 *
 * Arguments: brokers, topic, partitions, messages, bytes of a value, number of keys (0: none).
 */
public final class Loader {
  private static final long SEED = 1;

  public static void main(String[] args) throws Exception {
    int partitions = Integer.parseInt(args[2]);
    long messages = Long.parseLong(args[3]);
    byte[] value = new byte[Integer.parseInt(args[4])];
    int keys = Integer.parseInt(args[5]);
    Random random = new Random(SEED);
    random.nextBytes(value);
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    AtomicReference<Exception> failed = new AtomicReference<>();
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (long i = 0; i < messages; i++) {
        byte[] key = keys == 0 ? null : ("key-" + random.nextInt(keys)).getBytes();
        Integer partition = keys == 0 ? Integer.valueOf((int) (i % partitions)) : null;
        producer.send(new ProducerRecord<>(args[1], partition, key, value), (metadata, error) -> {
          if (error != null) failed.set(error);
        });
      }
    }
    if (failed.get() != null) throw failed.get();
  }
}
