import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.tools.ConsumerPerformance;

/**
 * Kafka's own ConsumerPerformance, in one warm JVM. It times itself: its time to fetch, without the time it took to join.
 *
 * Arguments: brokers, topic, partitions (not used), messages of a pass, seconds to warm up and to measure.
 */
public final class Performance {
  private static final int FETCH_MS = 7;

  public static void main(String[] args) {
    long messages = Long.parseLong(args[3]);
    new Measurement(args[4], args[5]).run(messages, pass -> read(args[0], args[1], messages, pass));
  }

  private static void read(String brokers, String topic, long messages, Measurement.Pass pass) {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream console = System.out;
    System.setOut(new PrintStream(printed, true));
    pass.begin();
    ConsumerPerformance.main(new String[] {"--bootstrap-server", brokers, "--topic", topic, "--messages",
      String.valueOf(messages), "--group", "bench-" + System.nanoTime(), "--hide-header", "--timeout", "60000"});
    System.setOut(console);
    String[] fields = printed.toString(StandardCharsets.UTF_8).strip().split(", ");
    pass.takes(Long.parseLong(fields[FETCH_MS]) / 1e3);
  }
}
