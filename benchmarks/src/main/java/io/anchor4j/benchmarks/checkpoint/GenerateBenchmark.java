package io.anchor4j.benchmarks.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.attention.Precision;
import io.anchor4j.benchmarks.Timing;
import io.anchor4j.benchmarks.contestant.ChildProcess;
import io.anchor4j.data.Positions;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.generation.GenerationConfig;
import io.anchor4j.generation.Generator;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.kernel.KernelProviders;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Generates tokens one by one with 124 million weights in bfloat16, in turns with transformers on
 * the same files. Prints a table.
 *
 * <p>Arguments: a directory for the checkpoint (made if there is none in it), a Python that has
 * torch and transformers, and the number of threads (all processors).
 */
public final class GenerateBenchmark {
  private static final int PROMPT = 64;
  private static final int NEW_TOKENS = 64;
  private static final int ROUNDS = 7;

  /** Threads of OpenMP spin on for a moment after a call. */
  private static final long PAUSE_MILLIS = 500;

  /** Of two implementations in bfloat16, as a share of the logits' root mean square. */
  private static final double TOLERANCE = 0.05;

  private final Generator generator;
  private final ComputationGraph graph;
  private final ChildProcess peer;
  private final int[] prompt = prompt();

  private GenerateBenchmark(ComputationGraph graph, ChildProcess peer) {
    this.graph = graph;
    this.peer = peer;
    generator = new Generator(graph, Positions.CONTINUOUS);
  }

  public static void main(String[] args) throws Exception {
    if (args.length < 2) {
      System.err.println("usage: benchmarks/generate DIRECTORY PYTHON [THREADS]");
      System.exit(2);
    }
    Path directory = Path.of(args[0]);
    String threads =
        args.length > 2 ? args[2] : String.valueOf(Runtime.getRuntime().availableProcessors());
    System.setProperty("anchor4j.cpu.threads", threads); // Read when the first kernel is asked for.
    if (!Files.exists(directory.resolve(RandomCheckpoint.WEIGHTS))) {
      RandomCheckpoint.write(directory, RandomCheckpoint.small());
    }
    DecoderConfig plain = HuggingFaceConfig.read(directory).toDecoderConfig();
    DecoderConfig config = plain.withAttention(plain.attention().withPrecision(Precision.BFLOAT16));
    Path root = Path.of(System.getProperty("benchmarks.root"), "benchmarks");
    List<String> command =
        List.of(
            args[1],
            root.resolve("src/main/python/generate_peer.py").toString(),
            directory.toString(),
            threads,
            String.valueOf(NEW_TOKENS));
    try (var peer = new ChildProcess(command, root.resolve("target/generate-peer.log"))) {
      new GenerateBenchmark(HuggingFaceModel.load(directory, config), peer).compare(config);
    }
  }

  private void compare(DecoderConfig config) throws Exception {
    JsonNode warmUp = askPeer();
    ownSeconds();
    double difference = difference(warmUp.get("logits"));
    if (!(difference <= TOLERANCE)) {
      throw new IllegalStateException(
          "logits differ by %.2g of their size: not the same model".formatted(difference));
    }
    double[] own = new double[ROUNDS];
    double[] other = new double[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      Thread.sleep(PAUSE_MILLIS);
      own[round] = ownSeconds();
      Thread.sleep(PAUSE_MILLIS);
      other[round] =
          perToken(new ObjectMapper().convertValue(askPeer().get("times"), double[].class));
    }
    Timing.Ratio ratio = new Timing(other).over(new Timing(own));
    System.out.printf(
        Locale.ROOT,
        """
        %.0f million weights, bfloat16, one row, %d tokens after a prompt of %d, %s

        | ours ms a token | transformers ms a token | transformers / ours |
        |---:|---:|---:|
        | %.1f | %.1f | %s |
        """,
        config.parameters() / 1e6,
        NEW_TOKENS,
        PROMPT,
        KernelProviders.best().description(),
        1e3 * Timing.median(own),
        1e3 * Timing.median(other),
        ratio);
  }

  private static int[] prompt() {
    int[] ids = new int[PROMPT];
    Arrays.setAll(ids, t -> (int) (t * 2_654_435_761L % 50_304));
    return ids;
  }

  private double ownSeconds() {
    List<Double> times = new ArrayList<>();
    generator.generate(
        List.of(Generator.prompt(prompt)),
        GenerationConfig.greedy(NEW_TOKENS),
        (row, id) -> times.add(System.nanoTime() / 1e9));
    return perToken(times.stream().mapToDouble(time -> time).toArray());
  }

  /** The median of the steps after the prompt's. */
  private static double perToken(double[] times) {
    double[] steps = new double[times.length - 1];
    Arrays.setAll(steps, i -> times[i + 1] - times[i]);
    return Timing.median(steps);
  }

  private JsonNode askPeer() throws Exception {
    return new ObjectMapper().readTree(peer.ask(Arrays.toString(prompt)));
  }

  /** How far both sides' logits after the prompt are apart. */
  private double difference(JsonNode peerLogits) {
    INDArray tokens = Nd4j.createFromArray(new int[][] {prompt});
    INDArray logits = Decoder.logits(graph, tokens, null, null);
    double squares = 0;
    double differences = 0;
    for (int id = 0; id < peerLogits.size(); id++) {
      double expected = peerLogits.get(id).asDouble();
      double found = logits.getDouble(0, PROMPT - 1, id);
      squares += expected * expected;
      differences += (found - expected) * (found - expected);
    }
    return Math.sqrt(differences / squares);
  }
}
