import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;

/**
 * Prints the keys of Kafka's consumer, a line each and a blank one, and those of its producer; then for each line of input, the text of a file, what Java reads
 * in it: "key=value,…" in order, or "!". Texts are UTF-16 units of four hexadecimal digits.
 */
public final class Configuration {
  public static void main(String[] args) throws Exception {
    ConsumerConfig.configDef().configKeys().keySet().forEach(System.out::println);
    System.out.println();
    ProducerConfig.configDef().configKeys().keySet().forEach(System.out::println);
    System.out.println();
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    StringBuilder answers = new StringBuilder();
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      answers.append(read(decoded(line))).append('\n');
    }
    System.out.print(answers);
  }

  private static String read(String text) throws Exception {
    List<String> entries = new ArrayList<>();
    Properties properties = new Properties() {
      @Override
      public synchronized Object put(Object key, Object value) {
        entries.add(encoded((String) key) + "=" + encoded((String) value));
        return null;
      }
    };
    try {
      properties.load(new StringReader(text));
    } catch (IllegalArgumentException wrongEscape) {
      return "!";
    }
    return String.join(",", entries);
  }

  private static String decoded(String hex) {
    StringBuilder text = new StringBuilder();
    for (int at = 0; at < hex.length(); at += 4) text.append((char) Integer.parseInt(hex, at, at + 4, 16));
    return text.toString();
  }

  private static String encoded(String text) {
    StringBuilder hex = new StringBuilder();
    for (char unit : text.toCharArray()) hex.append(String.format("%04x", (int) unit));
    return hex.toString();
  }
}
