package io.anchor4j.decoder;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.dl4j.layer.LanguageModelOutputLayer;
import io.anchor4j.dl4j.layer.LanguageModelOutputLayerImpl;
import io.anchor4j.dl4j.layer.LoraConfig;
import io.anchor4j.dl4j.layer.TokenEmbeddingLayer;
import io.anchor4j.dl4j.vertex.TiedEmbeddingVertex;
import io.anchor4j.nd4j.UntouchedArrays;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.distribution.NormalDistribution;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/**
 * Builds a {@link DecoderConfig} as a ComputationGraph and asks it for logits and losses.
 *
 * <p>Inputs, in this order: {@code tokens}, {@code documents}, {@code positions}, all INT [B, T]
 * (documents: 0 anchor, n document n, -1 padding). One output, {@code output}, with labels INT [B,
 * T] as {@link LanguageModelOutputLayer} says. Layers and their parameters, i from 0:
 *
 * <ul>
 *   <li>{@code embedding}: W [V, C]
 *   <li>{@code layer-i-attention-norm}: gain [1, C]
 *   <li>{@code layer-i-query}: W [C, H*D]; {@code layer-i-key}, {@code layer-i-value}: W [C,
 *       Hkv*D]; each b [1, ...] where they have biases
 *   <li>{@code layer-i-query-norm}, {@code layer-i-key-norm}: gain [1, D], where there are such
 *   <li>{@code layer-i-projection}: W [H*D, C], and b where it has one
 *   <li>{@code layer-i-mlp-norm}: gain [1, C]
 *   <li>{@code layer-i-mlp}: Wgate, Wup [C, F], Wdown [F, C]; bgate, bup, bdown with MLP biases
 *   <li>{@code norm}: gain [1, C]
 *   <li>{@code output}: W [C, V], unless tied to the embedding
 * </ul>
 *
 * <p>Weights start as transformers starts them: normal with the initializer range, biases 0, gains
 * 1. The graph's own updater, for {@code fit}, is Adam at 3e-4.
 */
public final class Decoder {
  /** Name of the first input. */
  public static final String TOKENS = "tokens";

  /** Name of the second input. */
  public static final String DOCUMENTS = "documents";

  /** Name of the third input. */
  public static final String POSITIONS = "positions";

  /** Name of the embedding layer. */
  public static final String EMBEDDING = "embedding";

  /** Name of the norm before the output. */
  public static final String NORM = "norm";

  /** Name of the output layer. */
  public static final String OUTPUT = "output";

  /** ND4J M2.1 takes the seed 0 for the time of day; no seed that people write is this one. */
  private static final long SEED_FOR_ZERO = 0x9E3779B97F4A7C15L;

  private static final String TIED_EMBEDDING = "tied-embedding";

  private Decoder() {}

  /** Returns an initialised FLOAT graph; equal seeds give equal weights. */
  public static ComputationGraph create(DecoderConfig config, long seed) {
    var graph = new ComputationGraph(configuration(config, seed, DataType.FLOAT));
    graph.init();
    return graph;
  }

  /**
   * Returns a FLOAT graph whose parameters are not set, for weights from elsewhere: drawing random
   * ones, on one thread, takes 14 s for 254 million.
   */
  public static ComputationGraph uninitialised(DecoderConfig config) {
    ComputationGraphConfiguration configuration =
        configuration(config, /* seed= */ 0, DataType.FLOAT);
    long parameters =
        configuration.getVertices().values().stream().mapToLong(v -> v.numParams(true)).sum();
    var graph = new ComputationGraph(configuration);
    graph.init(UntouchedArrays.create(DataType.FLOAT, 1, parameters), false);
    return graph;
  }

  /**
   * Returns an initialised FLOAT graph whose own weights are frozen, with fresh adapters as its
   * parameters. The frozen weights are still to be given, see {@link
   * io.anchor4j.dl4j.layer.FrozenWeights}.
   *
   * @param held the type in which a layer's frozen matrices are held, FLOAT or BFLOAT16, by its
   *     name
   * @throws IllegalArgumentException if a target is not there or can have no adapter
   */
  public static ComputationGraph create(
      DecoderConfig config, LoraConfig lora, Function<String, DataType> held, long seed) {
    ComputationGraphConfiguration configuration = configuration(config, seed, DataType.FLOAT);
    lora.applyTo(configuration, held);
    var graph = new ComputationGraph(configuration);
    graph.init();
    return graph;
  }

  /** Returns the configuration of a graph of that type (FLOAT, DOUBLE or HALF). */
  public static ComputationGraphConfiguration configuration(
      DecoderConfig config, long seed, DataType type) {
    GraphBuilder graph =
        new NeuralNetConfiguration.Builder()
            .seed(seed == 0 ? SEED_FOR_ZERO : seed)
            .dataType(type)
            .updater(new Adam(3e-4))
            .weightInit(new NormalDistribution(0, config.initializerRange()))
            .miniBatch(false) // The score is a mean over targets, and so is its gradient.
            .graphBuilder()
            .addInputs(TOKENS, DOCUMENTS, POSITIONS)
            .addLayer(
                EMBEDDING,
                new TokenEmbeddingLayer.Builder()
                    .nIn(config.vocabularySize())
                    .nOut(config.hiddenSize())
                    .build(),
                TOKENS);
    String hidden = EMBEDDING;
    for (int i = 0; i < config.layers(); i++) {
      hidden = DecoderBlock.add(graph, "layer-" + i, config, i, hidden, DOCUMENTS, POSITIONS);
    }
    graph.addLayer(NORM, DecoderBlock.norm(config), hidden);
    var output =
        new LanguageModelOutputLayer.Builder()
            .nIn(config.hiddenSize())
            .nOut(config.vocabularySize())
            .precision(config.attention().precision());
    if (config.tiedEmbeddings()) {
      graph.addVertex(TIED_EMBEDDING, new TiedEmbeddingVertex(), NORM);
      graph.addLayer(OUTPUT, output.tiedTo(EMBEDDING).build(), TIED_EMBEDDING);
    } else {
      graph.addLayer(OUTPUT, output.build(), NORM);
    }
    return graph.setOutputs(OUTPUT).build();
  }

  /**
   * Returns the logits of the next token after each token.
   *
   * @param graph a decoder
   * @param tokens INT [B, T]
   * @param documents INT [B, T], or null for one document a row
   * @param positions INT [B, T], or null for 0 to T - 1
   * @return [B, T, V]
   * @throws IllegalArgumentException if shapes or types do not fit, or an id is outside the
   *     vocabulary
   */
  public static INDArray logits(
      ComputationGraph graph, INDArray tokens, INDArray documents, INDArray positions) {
    INDArray logits = graph.outputSingle(inputs(tokens, documents, positions));
    return logits.permute(0, 2, 1); // [B, V, T] -> [B, T, V]
  }

  /**
   * Returns the loss of each target, going through the vocabulary in chunks: the logits never exist
   * whole.
   *
   * @param graph a decoder
   * @param tokens INT [B, T]
   * @param documents INT [B, T], or null for one document a row
   * @param positions INT [B, T], or null for 0 to T - 1
   * @param targets INT [B, T]: the id that follows each token, -100 where it does not count
   * @return [B, T] FLOAT (DOUBLE from a DOUBLE graph), 0 where the target does not count
   * @throws IllegalArgumentException if shapes or types do not fit, or an id is outside the
   *     vocabulary
   */
  public static INDArray tokenLosses(
      ComputationGraph graph,
      INDArray tokens,
      INDArray documents,
      INDArray positions,
      INDArray targets) {
    return outputLayer(graph)
        .tokenLosses(hidden(graph, inputs(tokens, documents, positions)), targets);
  }

  /** Returns what the output layer is given, [B, C, T]. */
  static INDArray hidden(ComputationGraph graph, INDArray... inputs) {
    List<String> last = graph.getConfiguration().getVertexInputs().get(OUTPUT);
    return graph.output(last, false, inputs, null)[0];
  }

  static LanguageModelOutputLayerImpl outputLayer(ComputationGraph graph) {
    Layer output = graph.getLayer(OUTPUT);
    while (output instanceof BaseWrapperLayer wrapper) {
      output = wrapper.getUnderlying();
    }
    return (LanguageModelOutputLayerImpl) output;
  }

  private static INDArray[] inputs(INDArray tokens, INDArray documents, INDArray positions) {
    checkArgument(
        tokens.rank() == 2,
        "decoder: tokens must be [batch, tokens], got %s",
        Arrays.toString(tokens.shape()));
    int batch = (int) tokens.size(0);
    int length = (int) tokens.size(1);
    INDArray oneDocument = documents != null ? documents : Nd4j.ones(DataType.INT32, batch, length);
    INDArray counted = positions != null ? positions : counted(batch, length);
    return new INDArray[] {tokens, oneDocument, counted};
  }

  private static INDArray counted(int batch, int length) {
    int[] row = IntStream.range(0, length).toArray();
    int[][] rows = new int[batch][];
    Arrays.fill(rows, row);
    return Nd4j.createFromArray(rows);
  }
}
