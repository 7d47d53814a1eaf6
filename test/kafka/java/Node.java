import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.utils.Exit;

/**
 * One Kafka node whose life hangs on its standard input: when that ends, because the test's process is gone for whatever
 * reason, the node halts and takes its data with it.
 *
 * Arguments: cluster id, properties file, folder of the data.
 */
public final class Node {
  private static final long DELETING_NANOS = TimeUnit.SECONDS.toNanos(10);

  public static void main(String[] args) {
    String clusterId = args[0];
    String properties = args[1];
    Path data = Path.of(args[2]);
    Thread watch = new Thread(() -> haltAtEndOfInput(data), "watch-stdin");
    watch.setDaemon(true);
    watch.start();
    if (!Files.exists(data.resolve("meta.properties"))) {
      String[] format = {"format", "--ignore-formatted", "-t", clusterId, "-c", properties};
      int code = kafka.tools.StorageTool.execute(format, new PrintStream(System.err, true));
      if (code != 0) System.exit(code);
    }
    kafka.Kafka.main(new String[] {properties});
  }

  private static void haltAtEndOfInput(Path data) {
    try {
      while (System.in.read() >= 0) {
        // Nothing is ever sent: only the end counts.
      }
    } catch (IOException broken) {
      // As good as the end.
    }
    // Kafka ends the process when its files are gone, which may be before all of them are.
    Exit.setHaltProcedure((code, message) -> sleepForEver());
    Exit.setExitProcedure((code, message) -> sleepForEver());
    // Until then it goes on making files, and other nodes delete theirs in the same folder.
    File folder = data.getParent().toFile();
    long end = System.nanoTime() + DELETING_NANOS;
    while (folder.exists() && System.nanoTime() < end) deleteAll(folder);
    Runtime.getRuntime().halt(0);
  }

  private static void sleepForEver() {
    while (true) LockSupport.park();
  }

  private static void deleteAll(File file) {
    File[] inside = file.listFiles();
    if (inside != null) {
      for (File each : inside) deleteAll(each);
    }
    file.delete();
  }
}
