import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.Readable;
import org.apache.kafka.common.errors.RetriableException;

/**
 * Reads "class version hex" lines, parses the bytes with Kafka's own message class, and answers a line each: what the class writes
 * in hex and its value in JSON, or "!" and what went wrong. Called with "errors", it prints code, name and retriable of each error.
 */
public class ProtocolEcho {
  public static void main(String[] args) throws Exception {
    PrintWriter out = new PrintWriter(System.out, false, StandardCharsets.UTF_8);
    if (args.length > 0 && args[0].equals("errors")) {
      for (Errors error : Errors.values()) {
        out.println(error.code() + " " + error.name() + " " + (error.exception() instanceof RetriableException));
      }
    } else {
      BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        String[] parts = line.split(" ", -1);
        out.println(echo(parts[0], Short.parseShort(parts[1]), HexFormat.of().parseHex(parts[2])));
      }
    }
    out.flush();
  }

  private static String echo(String name, short version, byte[] bytes) {
    try {
      Class<?> type = Class.forName("org.apache.kafka.common.message." + name);
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      Message message = (Message) type.getConstructor(Readable.class, short.class)
          .newInstance(new ByteBufferAccessor(buffer), version);
      if (buffer.hasRemaining()) {
        return "! " + buffer.remaining() + " bytes left";
      }
      ByteBuffer written = MessageUtil.toByteBufferAccessor(message, version).buffer();
      byte[] back = new byte[written.remaining()];
      written.get(back);
      JsonNode json = (JsonNode) Class.forName(type.getName() + "JsonConverter")
          .getMethod("write", type, short.class, boolean.class).invoke(null, message, version, false);
      return HexFormat.of().formatHex(back) + " " + json;
    } catch (InvocationTargetException e) {
      return "! " + e.getCause();
    } catch (Exception e) {
      return "! " + e;
    }
  }
}
