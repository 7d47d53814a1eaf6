import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * What the Node programs measure in bench/children/pass.ts, for a JVM: time and CPU from the first message of a pass to its
 * last, summed over the passes that count. Prints the same line of JSON.
 */
final class Measurement {
  private static final double TICKS_PER_SECOND = 100;

  private final double warmSeconds;
  private final double minSeconds;
  private double firstPass;
  private int passes;
  private long messages;
  private double seconds;
  private double cpuUser;
  private double cpuSystem;

  Measurement(String warmSeconds, String minSeconds) {
    this.warmSeconds = Double.parseDouble(warmSeconds);
    this.minSeconds = Double.parseDouble(minSeconds);
  }

  /** Passes to warm up, then passes until enough is measured; prints the measurement. */
  void run(long messagesPerPass, Consumer<Pass> once) {
    for (double warm = 0; warm < warmSeconds; ) {
      Pass pass = new Pass();
      once.accept(pass);
      warm += pass.seconds;
      if (firstPass == 0) firstPass = messagesPerPass / pass.seconds;
    }
    while (seconds < minSeconds) {
      Pass pass = new Pass();
      once.accept(pass);
      add(messagesPerPass, pass.seconds, pass.cpu);
    }
    print("Java " + System.getProperty("java.version"));
  }

  private void add(long count, double took, double[] cpu) {
    passes += 1;
    messages += count;
    seconds += took;
    cpuUser += cpu[0];
    cpuSystem += cpu[1];
  }

  private void print(String note) {
    System.out.println(String.format(java.util.Locale.ROOT,
      "{\"note\":\"%s\",\"firstPass\":%f,\"passes\":%d,\"messages\":%d,\"seconds\":%f,\"cpuUser\":%f,\"cpuSystem\":%f,"
        + "\"timerLateMs\":null,\"rssPeakMib\":%f,\"rss\":null}",
      note, firstPass, passes, messages, seconds, cpuUser, cpuSystem, rssPeakMib()));
  }

  /** Times one pass. `begin` at its first message, `end` at its last. */
  static final class Pass {
    private long startedAt;
    private double[] before;
    private double seconds;
    private double[] cpu;

    void begin() {
      before = cpuSeconds();
      startedAt = System.nanoTime();
    }

    void end() {
      takes((System.nanoTime() - startedAt) / 1e9);
    }

    /** For a program that times itself. */
    void takes(double measured) {
      double[] now = cpuSeconds();
      seconds = measured;
      cpu = new double[] {now[0] - before[0], now[1] - before[1]};
    }
  }

  /** User and system seconds of this process; where there is no procfs, all of it counts as user time. */
  static double[] cpuSeconds() {
    try {
      String stat = Files.readString(Path.of("/proc/self/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return new double[] {Long.parseLong(fields[11]) / TICKS_PER_SECOND, Long.parseLong(fields[12]) / TICKS_PER_SECOND};
    } catch (IOException notLinux) {
      long nanos = ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos();
      return new double[] {nanos / 1e9, 0};
    }
  }

  static double rssPeakMib() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream().filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).findFirst().orElse(0) / 1024.0;
    } catch (IOException notLinux) {
      return 0;
    }
  }
}
