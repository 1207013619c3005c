package io.anchor4j.benchmarks;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.benchmarks.contestant.ArrayJob;
import io.anchor4j.benchmarks.contestant.OwnOps;
import io.anchor4j.benchmarks.work.AttentionWork;
import io.anchor4j.benchmarks.work.Documents;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * One long row, forward and backward, in a process of its own: what it needs in memory beyond its
 * arrays is the peak of the process less what the process holds when all arrays are there.
 */
record LongRow(int tokens) implements Section {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final int DOCUMENT_TOKENS = 4096;

  @Override
  public String name() {
    return "memory";
  }

  @Override
  public String run(PairedRun how) {
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    // The heap is as large as it gets from the start, so that its growth is not taken for the op's.
    command.addAll(List.of("-Xms1g", "-Xmx1g", "-XX:+AlwaysPreTouch"));
    command.addAll(Benchmarks.systemProperties("anchor4j."));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), LongRow.class.getName()));
    command.add(Integer.toString(tokens));
    try {
      Process process = new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
      String table = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0 || table.isBlank()) {
        table = "Left out: its process ended with exit code " + process.exitValue() + ".\n";
      }
      return "## Memory of a long row\n\n"
          + "One row of %,d tokens, 8 heads, D 64, bfloat16, documents of %,d tokens, forward and backward, in a process of its own. Extra is the peak of its resident memory during the call less what it held before, when inputs, output and gradients were there.\n\n"
              .formatted(tokens, DOCUMENT_TOKENS)
          + table;
    } catch (IOException e) {
      throw new IllegalStateException("Java cannot be started again", e);
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted while a long row was computed", e);
    }
  }

  /** The program of that process: prints the table. */
  public static void main(String[] args) throws IOException {
    int tokens = Integer.parseInt(args[0]);
    // Everything that is loaded, compiled or cached on a first call has its place before.
    OwnOps.attention(work(DOCUMENT_TOKENS)).start().close();
    AttentionWork work = work(tokens);
    double arrays = 8.0 * tokens * work.heads() * work.headDim() * work.type().width();
    try (ArrayJob job = OwnOps.attention(work)) {
      System.gc(); // what made the inputs
      Files.writeString(Path.of("/proc/self/clear_refs"), "5"); // the peak begins here
      long before = Machine.procField(STATUS, "VmRSS");
      job.start();
      long peak = Machine.procField(STATUS, "VmHWM");
      double extra = (peak - before) * 1024.0;
      double gibibyte = 1L << 30;
      System.out.printf(
          "| arrays GiB | extra GiB | extra / arrays | peak of the process GiB | first call s | GFLOP/s |%n|---:|---:|---:|---:|---:|---:|%n");
      System.out.printf(
          "| %.2f | %.3f | %.1f %% | %.2f | %.2f | %.0f |%n",
          arrays / gibibyte,
          extra / gibibyte,
          100 * extra / arrays,
          peak * 1024.0 / gibibyte,
          job.firstCall(),
          work.operations() / job.firstCall() / 1e9);
    }
  }

  private static AttentionWork work(int tokens) {
    int[] ids = Documents.equal(tokens, tokens / DOCUMENT_TOKENS);
    return AttentionWork.causal(DataType.BFLOAT16, 1, 8, tokens, 64, /* backward= */ true)
        .withDocuments(AttentionMask.INTRA_DOCUMENT, ids);
  }
}
