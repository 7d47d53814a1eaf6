import java.io.File;
import java.io.FileOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.TimestampType;

/**
 * Writes messages in the formats 0, 1 and 2, in every compression that each has, as Kafka's own code does. Without an argument it
 * prints them, a line each: name and hex; with one it writes them one after another into that file, as the segment of a log.
 */
public final class MessageSets {
  private static final int MESSAGES = 10;
  private static final long BEGIN = 1_400_000_000_000L;
  private static final long APPENDED = 1_500_000_000_000L;
  private static long nextOffset = 100;

  public static void main(String[] args) throws Exception {
    StringBuilder lines = new StringBuilder();
    FileOutputStream segment = args.length == 0 ? null : new FileOutputStream(new File(args[0]));
    for (byte magic = 0; magic <= 2; magic++) {
      for (CompressionType type : CompressionType.values()) {
        if (magic < 2 && type == CompressionType.ZSTD) continue;
        for (String kind : new String[] {"dense", "holes", "appended"}) {
          if (magic == 0 && kind.equals("appended")) continue;
          byte[] bytes = write(magic, type, kind);
          lines.append("v" + magic + "-" + type.name + "-" + kind + " " + HexFormat.of().formatHex(bytes) + "\n");
          if (segment != null) segment.write(bytes);
        }
      }
    }
    if (segment == null) System.out.print(lines);
    else segment.close();
  }

  private static byte[] write(byte magic, CompressionType type, String kind) {
    TimestampType timestampType =
        magic == 0
            ? TimestampType.NO_TIMESTAMP_TYPE
            : kind.equals("appended") ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME;
    MemoryRecordsBuilder builder =
        MemoryRecords.builder(
            ByteBuffer.allocate(4096), magic, Compression.of(type).build(), timestampType, nextOffset, APPENDED);
    for (int i = 0; i < MESSAGES; i++) {
      long offset = nextOffset + (kind.equals("holes") ? 3 * i : i);
      long timestamp = magic == 0 ? RecordBatch.NO_TIMESTAMP : BEGIN + 1000 * i;
      builder.appendWithOffset(offset, timestamp, bytes(i % 4 == 0 ? null : i == 1 ? "" : "k" + i), bytes(i % 5 == 0 ? null : i == 2 ? "" : "value " + i));
    }
    MemoryRecords records = builder.build();
    nextOffset += kind.equals("holes") ? 3 * MESSAGES : MESSAGES;
    byte[] written = new byte[records.sizeInBytes()];
    records.buffer().get(written);
    return written;
  }

  private static byte[] bytes(String text) {
    return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
  }
}
