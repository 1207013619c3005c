package io.anchor4j.testing;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryConfig.Pairing;
import io.anchor4j.rotary.RotaryScaling;
import java.util.Arrays;
import java.util.Random;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Random inputs of one attention, every choice made from a seed: mask, sizes, ids (sorted or not,
 * with padding or without), rotary scheme, window, ALiBi, and whether arrays are views.
 */
public final class AttentionInputs {
  private static final int[] HEAD_DIMS = {2, 8, 16, 40, 64, 128, 256};

  public final AttentionConfig config;
  public final int[][] documents;
  public final int[][] positions;
  public final INDArray query;
  public final INDArray key;
  public final INDArray value;
  public final INDArray outputGradient;
  private final String description;

  private AttentionInputs(
      AttentionConfig config,
      int[][] documents,
      int[][] positions,
      INDArray query,
      INDArray key,
      INDArray value,
      INDArray outputGradient,
      String description) {
    this.config = config;
    this.documents = documents;
    this.positions = positions;
    this.query = query;
    this.key = key;
    this.value = value;
    this.outputGradient = outputGradient;
    this.description = description;
  }

  /** Random inputs with {@code tokens} tokens; long rows get few and small heads. */
  public static AttentionInputs random(long seed, int tokens, DataType type) {
    var random = new Random(seed);
    int batch = tokens < 200 && random.nextBoolean() ? 3 : 1;
    int group = new int[] {1, 3, 8}[random.nextInt(3)];
    int kvHeads = tokens < 200 ? 1 + random.nextInt(2) : 1;
    int headDim = tokens < 200 ? HEAD_DIMS[random.nextInt(HEAD_DIMS.length)] : 8;
    AttentionConfig config = config(random, headDim);
    int queries = random.nextInt(4) == 0 ? 1 + random.nextInt(tokens) : tokens;
    var documents = new int[batch][];
    var positions = new int[batch][tokens];
    for (int b = 0; b < batch; b++) {
      documents[b] = documents(random, tokens);
      for (int t = 0; t < tokens; t++) {
        positions[b][t] = random.nextInt(8) == 0 ? random.nextInt(100_000) : t;
      }
    }
    boolean views = random.nextBoolean();
    int heads = kvHeads * group;
    String description =
        "seed %d, B=%d H=%d Hkv=%d Tq=%d Tk=%d D=%d %s%s %s"
            .formatted(
                seed,
                batch,
                heads,
                kvHeads,
                queries,
                tokens,
                headDim,
                type,
                views ? " views" : "",
                config);
    Nd4j.getRandom().setSeed(seed + 1); // ND4J takes 0 for no seed
    return new AttentionInputs(
        config,
        documents,
        positions,
        heads(type, views, batch, heads, queries, headDim),
        heads(type, views, batch, kvHeads, tokens, headDim),
        heads(type, views, batch, kvHeads, tokens, headDim),
        heads(type, views, batch, heads, queries, headDim),
        description);
  }

  /** Random numbers in FLOAT for one row of one document, with two query heads on one key head. */
  public static AttentionInputs oneDocument(long seed, int tokens, AttentionConfig config) {
    var documents = new int[1][tokens];
    Arrays.fill(documents[0], 1);
    var positions = new int[1][tokens];
    Arrays.setAll(positions[0], t -> t);
    Nd4j.getRandom().setSeed(seed + 1); // ND4J takes 0 for no seed
    return new AttentionInputs(
        config,
        documents,
        positions,
        Nd4j.randn(DataType.FLOAT, 1, 2, tokens, 16),
        Nd4j.randn(DataType.FLOAT, 1, 1, tokens, 16),
        Nd4j.randn(DataType.FLOAT, 1, 1, tokens, 16),
        Nd4j.randn(DataType.FLOAT, 1, 2, tokens, 16),
        "seed %d, T=%d %s".formatted(seed, tokens, config));
  }

  private static AttentionConfig config(Random random, int headDim) {
    AttentionMask[] masks = AttentionMask.values();
    AttentionConfig config =
        AttentionConfig.DEFAULT
            .withMask(masks[random.nextInt(masks.length)])
            .withCausal(random.nextInt(4) != 0)
            .withWindow(random.nextInt(3) == 0 ? 1 + random.nextInt(40) : 0)
            .withScale(random.nextInt(3) == 0 ? 0.3 : 0)
            .withAlibi(random.nextInt(3) == 0);
    return random.nextInt(3) == 0 ? config : config.withRotary(rotary(random, headDim));
  }

  private static RotaryConfig rotary(Random random, int headDim) {
    RotaryScaling[] scalings = {
      RotaryScaling.NONE,
      new RotaryScaling.Linear(4),
      new RotaryScaling.DynamicNtk(2, 32),
      RotaryScaling.Yarn.of(8, 64),
      new RotaryScaling.Llama3(8, 1, 4, 64)
    };
    return RotaryConfig.of(10_000)
        .withPairing(random.nextBoolean() ? Pairing.HALF_SPLIT : Pairing.INTERLEAVED)
        .withDimensions(random.nextInt(3) == 0 ? Math.max(2, headDim / 4 * 2) : 0)
        .withScaling(scalings[random.nextInt(scalings.length)]);
  }

  /** Sorted documents behind anchors, or any ids in any order, or only padding, or only anchors. */
  private static int[] documents(Random random, int tokens) {
    var documents = new int[tokens];
    int kind = random.nextInt(10);
    int id = 1;
    for (int t = 0; t < tokens; t++) {
      if (random.nextInt(6) == 0) {
        id++;
      }
      documents[t] =
          switch (kind) {
            case 0 -> AttentionMask.PADDING_ID;
            case 1 -> AttentionMask.ANCHOR_ID;
            case 2, 3, 4 -> random.nextInt(5) - 1;
            case 5, 6 -> t == 0 ? AttentionMask.ANCHOR_ID : 1 + t * 3 / tokens;
            default -> t < 2 ? AttentionMask.ANCHOR_ID : t > tokens * 0.9 ? -1 : id * 7;
          };
    }
    return documents;
  }

  private static INDArray heads(
      DataType type, boolean views, int batch, int heads, int tokens, int headDim) {
    return views
        ? Nd4j.randn(type, batch, tokens, heads, headDim).permute(0, 2, 1, 3)
        : Nd4j.randn(type, batch, heads, tokens, headDim);
  }

  /** The same inputs with another configuration. */
  public AttentionInputs with(AttentionConfig other) {
    return new AttentionInputs(
        other, documents, positions, query, key, value, outputGradient, description + " " + other);
  }

  /** One row of the batch as a batch of its own. */
  public AttentionInputs row(int b) {
    return new AttentionInputs(
        config,
        new int[][] {documents[b]},
        new int[][] {positions[b]},
        row(query, b),
        row(key, b),
        row(value, b),
        row(outputGradient, b),
        description + " row " + b);
  }

  private static INDArray row(INDArray array, int b) {
    long[] shape = array.shape();
    return array.tensorAlongDimension(b, 1, 2, 3).dup('c').reshape(1, shape[1], shape[2], shape[3]);
  }

  /** The same inputs in another type; ints stay as they are. */
  public AttentionInputs as(DataType type) {
    return new AttentionInputs(
        config,
        documents,
        positions,
        query.castTo(type),
        key.castTo(type),
        value.castTo(type),
        outputGradient.castTo(type),
        description + " as " + type);
  }

  /** What an attention gives back, forward and backward. */
  public record Results(
      INDArray output,
      INDArray logSumExp,
      INDArray queryGradient,
      INDArray keyGradient,
      INDArray valueGradient) {}

  /** Runs forward and backward; outputs are views wherever inputs are, and start as garbage. */
  public Results run(KernelProvider provider) {
    var arguments =
        AttentionArguments.of(
            "test",
            config,
            query,
            key,
            value,
            Nd4j.createFromArray(documents),
            Nd4j.createFromArray(positions));
    DataType statistics = query.dataType() == DataType.DOUBLE ? DataType.DOUBLE : DataType.FLOAT;
    INDArray logSumExp =
        Nd4j.valueArrayOf(
            new long[] {query.size(0), query.size(1), query.size(2)}, 7.0, statistics);
    var results =
        new Results(garbage(query), logSumExp, garbage(query), garbage(key), garbage(value));
    provider.attention(arguments, results.output, logSumExp);
    provider.attentionGradient(
        arguments,
        results.output,
        logSumExp,
        outputGradient,
        results.queryGradient,
        results.keyGradient,
        results.valueGradient);
    return results;
  }

  private static INDArray garbage(INDArray like) {
    long[] shape = like.shape();
    boolean view = like.stride(2) != shape[3] && shape[1] > 1;
    return view
        ? Nd4j.valueArrayOf(
                new long[] {shape[0], shape[2], shape[1], shape[3]}, 7.0, like.dataType())
            .permute(0, 2, 1, 3)
        : Nd4j.valueArrayOf(shape, 7.0, like.dataType());
  }

  @Override
  public String toString() {
    return description;
  }
}
