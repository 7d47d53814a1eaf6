import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.tools.ProducerPerformance;

/**
 * Kafka's own ProducerPerformance, in one warm JVM; its defaults but acks=1. It times itself, and makes up a new value for each message.
 *
 * Arguments: brokers, topic, partitions (not used), messages of a pass, seconds to warm up and to measure.
 */
public final class ProducePerformance {
  private static final Pattern TOTAL = Pattern.compile("^(\\d+) records sent, ([\\d.]+) records/sec");

  public static void main(String[] args) {
    long messages = Long.parseLong(args[3]);
    new Measurement(args[4], args[5]).run(messages, pass -> write(args[0], args[1], messages, pass));
  }

  private static void write(String brokers, String topic, long messages, Measurement.Pass pass) {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream console = System.out;
    System.setOut(new PrintStream(printed, true));
    pass.begin();
    try {
      ProducerPerformance.main(new String[] {"--topic", topic, "--num-records", String.valueOf(messages), "--record-size", "100",
        "--throughput", "-1", "--producer-props", "bootstrap.servers=" + brokers, "acks=1"});
    } catch (Exception error) {
      throw new IllegalStateException(error);
    } finally {
      System.setOut(console);
    }
    String last = printed.toString(StandardCharsets.UTF_8).strip().lines().reduce("", (before, line) -> line);
    Matcher total = TOTAL.matcher(last);
    if (!total.find() || Long.parseLong(total.group(1)) != messages) throw new IllegalStateException(printed.toString());
    pass.takes(messages / Double.parseDouble(total.group(2)));
  }
}
