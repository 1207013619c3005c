package io.anchor4j.benchmarks.checkpoint;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.benchmarks.work.Documents;
import io.anchor4j.data.PackedDataset;
import io.anchor4j.data.PackedIterator;
import io.anchor4j.data.PackedRow;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.PeftAdapter;
import io.anchor4j.huggingface.PeftConfig;
import io.anchor4j.huggingface.PeftTargets;
import io.anchor4j.kernel.KernelProviders;
import io.anchor4j.training.LearningRateSchedule;
import io.anchor4j.training.RunConfig;
import io.anchor4j.training.StepMetrics;
import io.anchor4j.training.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.deeplearning4j.nn.graph.ComputationGraph;

/**
 * Loads 1.1 billion weights in bfloat16 from a cold file and trains adapters on them, T 2048 in 16
 * documents and an anchor, after transformers and PEFT have done the same. Prints a table.
 *
 * <p>Arguments: a directory for the checkpoint (made if there is none in it), a Python that has
 * torch, transformers and peft, and the number of layers (22).
 */
public final class LoraBenchmark {
  private static final int TOKENS = 2048;
  private static final int STEPS = 3;
  private static final int RANK = 16;
  private static final int ALPHA = 32;

  private final Path directory;
  private final Path file;

  private LoraBenchmark(Path directory) {
    this.directory = directory;
    this.file = directory.resolve(RandomCheckpoint.WEIGHTS);
  }

  /** What one side took, in seconds and bytes. */
  private record Result(double load, List<Double> steps, double loss, long peakBytes) {
    double tokensPerSecond() {
      return TOKENS / steps.stream().skip(1).min(Double::compare).orElseThrow();
    }
  }

  public static void main(String[] args) throws Exception {
    if (args.length < 2) {
      System.err.println("usage: benchmarks/lora DIRECTORY PYTHON [LAYERS]");
      System.exit(2);
    }
    var benchmark = new LoraBenchmark(Path.of(args[0]));
    benchmark.prepare(args.length > 2 ? Integer.parseInt(args[2]) : 22);
    benchmark.forgetFile();
    double disk = benchmark.readFile();
    benchmark.forgetFile();
    // The peer first: its process ends, and ours would hold its memory beside it.
    Result peer = benchmark.peer(args[1]);
    benchmark.forgetFile();
    Result own = benchmark.own();
    double gigabytes = Files.size(benchmark.file) / 1e9;
    System.out.printf(
        Locale.ROOT,
        """
        %.2f GB of bfloat16, T %d in 16 documents and an anchor, r %d on all linear maps

        | | ours | transformers + PEFT |
        |---|---|---|
        | load, cold file | %.1f s (the disk alone: %.1f s) | %.1f s |
        | steps | %s s | %s s |
        | tokens/s | %.0f | %.0f |
        | peak of the process | %.1f GB | %.1f GB |
        | loss of the first step | %.4f | %.4f |

        Tokens/s, ours to PEFT's: %.2f
        """,
        gigabytes,
        TOKENS,
        RANK,
        own.load(),
        disk,
        peer.load(),
        shown(own.steps()),
        shown(peer.steps()),
        own.tokensPerSecond(),
        peer.tokensPerSecond(),
        own.peakBytes() / 1e9,
        peer.peakBytes() / 1e9,
        own.loss(),
        peer.loss(),
        own.tokensPerSecond() / peer.tokensPerSecond());
  }

  private static String shown(List<Double> seconds) {
    return String.join(
        ", ", seconds.stream().map(s -> String.format(Locale.ROOT, "%.1f", s)).toList());
  }

  private void prepare(int layers) throws IOException {
    if (!Files.exists(file)) {
      RandomCheckpoint.write(directory, RandomCheckpoint.tinyLlama(layers));
    }
  }

  /** GNU dd has the kernel drop what it caches of the file. */
  private void forgetFile() throws Exception {
    run("dd", "of=" + file, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none");
  }

  private double readFile() throws Exception {
    long begin = System.nanoTime();
    run("dd", "if=" + file, "of=/dev/null", "bs=4M", "status=none");
    return seconds(begin);
  }

  private static void run(String... command) throws Exception {
    int code = new ProcessBuilder(command).inheritIO().start().waitFor();
    if (code != 0) {
      throw new IOException(String.join(" ", command) + " ended with " + code);
    }
  }

  private static int[] documents() {
    return Documents.anchored(Documents.equal(TOKENS, 16));
  }

  private static int[] tokenIds() {
    int[] ids = new int[TOKENS];
    Arrays.setAll(ids, t -> (int) (t * 2_654_435_761L % 32_000));
    return ids;
  }

  private Result own() throws IOException {
    DecoderConfig plain = HuggingFaceConfig.read(directory).toDecoderConfig();
    DecoderConfig decoder =
        plain.withAttention(
            plain.attention().withMask(AttentionMask.ANCHOR).withPrecision(Precision.BFLOAT16));
    var targets = PeftTargets.of(List.of(PeftTargets.ALL_LINEAR));
    var peft = new PeftConfig(RANK, ALPHA, false, 0, targets, null);
    System.err.println("ours: " + KernelProviders.best().description()); // Starts ND4J, untimed.
    long begin = System.nanoTime();
    ComputationGraph graph = PeftAdapter.create(directory, decoder, peft, /* seed= */ 1);
    double load = seconds(begin);
    System.err.printf(Locale.ROOT, "ours: loaded in %.1f s%n", load);
    var row = new PackedRow(tokenIds(), documents());
    var data = new PackedIterator.Builder(PackedDataset.of(List.of(row))).endless().build();
    var trainer = new Trainer(graph, data, settings());
    List<Double> steps = new ArrayList<>();
    double loss = 0;
    for (int step = 0; step < STEPS; step++) {
      begin = System.nanoTime();
      StepMetrics metrics = trainer.step();
      steps.add(seconds(begin));
      loss = step == 0 ? metrics.loss() : loss;
      System.err.printf(Locale.ROOT, "ours: step %d in %.1f s%n", step + 1, steps.get(step));
    }
    return new Result(load, steps, loss, peakBytes());
  }

  private static RunConfig.Training settings() {
    return new RunConfig.Training(
        STEPS,
        /* batchSize= */ 1,
        /* gradientAccumulation= */ 1,
        /* learningRate= */ 1e-4,
        new RunConfig.Schedule(LearningRateSchedule.Type.CONSTANT, 0, 1),
        new RunConfig.Adamw(0.9, 0.95, 1e-8, 0.1),
        /* gradientClip= */ 1.0,
        /* seed= */ 0,
        /* checkpointEvery= */ 1000,
        /* keepCheckpoints= */ 1,
        /* gradientCheckpointing= */ false);
  }

  /** The most memory this process has had, Java's own among it. */
  private static long peakBytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
        .findFirst()
        .orElse(0);
  }

  private Result peer(String python) throws IOException {
    Path script =
        Path.of(System.getProperty("benchmarks.root"), "benchmarks/src/main/python/lora_peer.py");
    Process process =
        new ProcessBuilder(
                python,
                script.toString(),
                directory.toString(),
                String.valueOf(RANK),
                String.valueOf(ALPHA),
                String.valueOf(STEPS))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    var mapper = new ObjectMapper();
    try (var out = process.getOutputStream()) {
      out.write(mapper.writeValueAsBytes(List.of(tokenIds(), documents())));
    }
    JsonNode answer = mapper.readTree(process.getInputStream());
    List<Double> steps = mapper.convertValue(answer.get("steps"), new TypeReference<>() {});
    return new Result(
        answer.get("load").asDouble(),
        steps,
        answer.get("loss").asDouble(),
        answer.get("peak").asLong());
  }

  private static double seconds(long begin) {
    return (System.nanoTime() - begin) / 1e9;
  }
}
