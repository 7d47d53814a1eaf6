import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.Utils;

/**
 * Answers each line of JSON with one, by what Kafka's own producer is made of. "do" says what is asked: "batch" (the bytes of a record
 * batch with these records) or "murmur2" (the hash of a key, and the partitions that it has among 1, 2, … so many).
 */
public final class Producing {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HexFormat HEX = HexFormat.of();

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode question = JSON.readTree(line);
      out.println(question.get("do").asText().equals("batch") ? batch(question) : murmur2(question));
    }
    out.flush();
  }

  private static JsonNode batch(JsonNode question) {
    MemoryRecordsBuilder builder =
        MemoryRecords.builder(
            ByteBuffer.allocate(1024),
            (byte) 2,
            Compression.NONE,
            TimestampType.CREATE_TIME,
            question.get("baseOffset").asLong(),
            -1,
            Long.parseLong(question.get("producerId").asText()),
            (short) question.get("producerEpoch").asInt(),
            question.get("baseSequence").asInt(),
            question.get("transactional").asBoolean(),
            false,
            question.get("leaderEpoch").asInt());
    for (JsonNode each : question.get("records")) {
      List<Header> headers = new ArrayList<>();
      for (JsonNode header : each.get("headers")) {
        headers.add(new RecordHeader(header.get(0).asText(), bytes(header.get(1))));
      }
      builder.append(
          each.get("timestamp").asLong(), bytes(each.get("key")), bytes(each.get("value")), headers.toArray(new Header[0]));
    }
    MemoryRecords records = builder.build();
    byte[] written = new byte[records.sizeInBytes()];
    records.buffer().get(written);
    return JSON.createObjectNode().put("bytes", HEX.formatHex(written));
  }

  private static JsonNode murmur2(JsonNode question) {
    byte[] key = bytes(question.get("key"));
    ObjectNode answer = JSON.createObjectNode().put("hash", Utils.murmur2(key));
    int mixed = 0;
    for (int count = 1; count <= question.get("partitions").asInt(); count++) {
      mixed = 31 * mixed + BuiltInPartitioner.partitionForKey(key, count);
    }
    return answer.put("mixed", mixed);
  }

  private static byte[] bytes(JsonNode hex) {
    return hex.isNull() ? null : HEX.parseHex(hex.asText());
  }
}
