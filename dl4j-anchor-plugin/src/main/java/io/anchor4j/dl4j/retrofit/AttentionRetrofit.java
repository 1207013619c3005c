package io.anchor4j.dl4j.retrofit;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkNotNull;
import static com.google.common.base.Preconditions.checkState;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.data.Positions;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Trainable;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Puts an {@link io.anchor4j.dl4j.layer.AnchorAttentionLayer} in the place of every {@code
 * SelfAttentionLayer} and {@code AttentionVertex} of a network.
 *
 * <p>The new layer has the old one's name, parameters and settings and, unless told otherwise,
 * computes the same: full attention both ways over what the features mask does not hide. Weights,
 * updater state and the counts of iterations and epochs go along; listeners do not. The old network
 * stays as it was.
 *
 * <p>DL4J 1.0.0-M2.1 doubles the gradients of its attention layers and of all below them; ours are
 * the true ones. The updater state that goes along is therefore rescaled where gradients had been
 * doubled, as the {@link RetrofitReport} tells. What that means for learning rates is in
 * docs/retrofit.md.
 *
 * <p>An attention layer that ours cannot take over exactly stays, and the report says why: {@code
 * LearnedSelfAttentionLayer}, {@code RecurrentAttentionLayer}, an {@code AttentionVertex} whose
 * queries, keys and values are not one vertex, heads of more than 256 dimensions.
 *
 * <pre>{@code
 * var retrofit = new AttentionRetrofit.Builder().build();
 * Retrofitted<MultiLayerNetwork> swapped = retrofit.apply(network);
 * System.out.println(swapped.report());
 * swapped.result().fit(data);
 * }</pre>
 */
public final class AttentionRetrofit {
  private final Predicate<String> only;
  private final AnchorTemplate template;
  private final boolean documentInputs;
  private final boolean resetUpdaterState;

  private AttentionRetrofit(Builder builder) {
    only = checkNotNull(builder.only, "AttentionRetrofit: only is null");
    checkArgument(
        builder.anchorTokens >= 0,
        "AttentionRetrofit: anchorTokens must be 0 or more, got %s",
        builder.anchorTokens);
    template =
        new AnchorTemplate(
            checkNotNull(builder.attention, "AttentionRetrofit: attention(...) returned null"),
            builder.anchorTokens,
            checkNotNull(builder.positions, "AttentionRetrofit: positions is null"));
    documentInputs = builder.documentInputs;
    resetUpdaterState = builder.resetUpdaterState;
  }

  /**
   * Returns a new configuration in which attention is swapped.
   *
   * @throws IllegalArgumentException if {@code documentInputs} is set, which is for graphs
   */
  public Retrofitted<MultiLayerConfiguration> apply(MultiLayerConfiguration configuration) {
    checkNotNull(configuration, "AttentionRetrofit: the configuration is null");
    checkOneInput();
    var swap = ConfigurationSwap.of(configuration, swaps());
    return new Retrofitted<>(swap.configuration(), swap.report());
  }

  /**
   * Returns a new configuration in which attention is swapped. In the place of an {@code
   * AttentionVertex} stands a layer of the same name.
   *
   * @throws IllegalArgumentException if {@code documentInputs} meets names that are taken
   */
  public Retrofitted<ComputationGraphConfiguration> apply(
      ComputationGraphConfiguration configuration) {
    checkNotNull(configuration, "AttentionRetrofit: the configuration is null");
    var swap = ConfigurationSwap.of(configuration, swaps(), documentInputs);
    return new Retrofitted<>(swap.configuration(), swap.report());
  }

  /**
   * Returns a new network in which attention is swapped, ready to be trained on.
   *
   * @throws IllegalStateException if the network has no parameters yet
   * @throws IllegalArgumentException if it has an updater other than ND4J's own, whose state cannot
   *     be rescaled, or {@code documentInputs} is set, which is for graphs
   */
  public Retrofitted<MultiLayerNetwork> apply(MultiLayerNetwork network) {
    checkNotNull(network, "AttentionRetrofit: the network is null");
    checkOneInput();
    checkInit(network.isInitCalled());
    var swap = ConfigurationSwap.of(network.getLayerWiseConfigurations(), swaps());
    var swapped = new MultiLayerNetwork(swap.configuration());
    swapped.init(vector(network.params()), false);
    copy(network.paramTable(), swapped.paramTable());
    List<String> notes =
        moveState(
            network.getUpdater(false),
            swapped::getUpdater,
            layer -> swap.names().get(((Layer) layer).getIndex()),
            swap.doublings());
    return new Retrofitted<>(swapped, swap.report().withNotes(notes));
  }

  /**
   * Returns a new graph in which attention is swapped, ready to be trained on.
   *
   * @throws IllegalStateException if the graph has no parameters yet
   * @throws IllegalArgumentException if it has an updater other than ND4J's own, whose state cannot
   *     be rescaled
   */
  public Retrofitted<ComputationGraph> apply(ComputationGraph graph) {
    checkNotNull(graph, "AttentionRetrofit: the graph is null");
    checkInit(graph.getVertices() != null);
    var swap = ConfigurationSwap.of(graph.getConfiguration(), swaps(), documentInputs);
    var swapped = new ComputationGraph(swap.configuration());
    swapped.init(vector(graph.params()), false);
    copy(graph.paramTable(), swapped.paramTable());
    List<String> notes =
        moveState(
            graph.getUpdater(false),
            swapped::getUpdater,
            vertex -> ((GraphVertex) vertex).getVertexName(),
            swap.doublings());
    return new Retrofitted<>(swapped, swap.report().withNotes(notes));
  }

  private AttentionSwaps swaps() {
    return new AttentionSwaps(only, template);
  }

  private void checkOneInput() {
    checkArgument(
        !documentInputs,
        "AttentionRetrofit: documentInputs() adds inputs to a graph, and a MultiLayerNetwork has"
            + " one. Pass network.toComputationGraph(), or use a features mask.");
  }

  private static void checkInit(boolean done) {
    checkState(
        done,
        "AttentionRetrofit: the network has no parameters. Call init() first, or pass its"
            + " configuration.");
  }

  /** Something to begin with, so that nothing is drawn at random; null without parameters. */
  private static INDArray vector(INDArray parameters) {
    return parameters.isEmpty() || parameters.length() == 0
        ? null
        : parameters.dup().reshape(1, parameters.length());
  }

  /** Copies by name: a vertex with fewer inputs may stand elsewhere in the flat vector. */
  private static void copy(Map<String, INDArray> from, Map<String, INDArray> to) {
    checkState(from.keySet().equals(to.keySet()), "parameters %s became %s", from, to);
    to.forEach((key, array) -> array.assign(from.get(key)));
  }

  private List<String> moveState(
      Updater from,
      Supplier<? extends Updater> to,
      Function<Trainable, String> name,
      Map<String, Doublings> doublings) {
    if (from == null || from.getStateViewArray() == null) {
      return List.of();
    }
    if (resetUpdaterState) {
      return List.of("updater state: begun anew");
    }
    return UpdaterStates.move(
        (BaseMultiLayerUpdater<?>) from, (BaseMultiLayerUpdater<?>) to.get(), name, doublings);
  }

  /** Builds an {@link AttentionRetrofit}. */
  public static final class Builder {
    private Predicate<String> only = name -> true;
    private AttentionConfig attention = AnchorTemplate.SAME_AS_DL4J;
    private int anchorTokens;
    private Positions positions = Positions.CONTINUOUS;
    private boolean documentInputs;
    private boolean resetUpdaterState;

    /** Swaps only the layers and vertices whose names it accepts; all unless set. */
    public Builder only(Predicate<String> names) {
      only = names;
      return this;
    }

    /**
     * Changes what the swapped layers compute, starting from what DL4J's compute: mask {@code
     * full}, not causal, no window, no rotary embedding, float32.
     *
     * <pre>{@code
     * .attention(a -> a.withMask(AttentionMask.ANCHOR).withCausal(true).withWindow(512))
     * }</pre>
     *
     * @throws IllegalArgumentException if an option is out of range
     */
    public Builder attention(UnaryOperator<AttentionConfig> change) {
      attention = change.apply(attention);
      return this;
    }

    /**
     * Sets how many leading tokens of a row are anchors if there is no features mask; 0 unless set.
     */
    public Builder anchorTokens(int anchorTokens) {
      this.anchorTokens = anchorTokens;
      return this;
    }

    /** Sets how tokens are numbered for rotary and ALiBi; continuously unless set. */
    public Builder positions(Positions positions) {
      this.positions = positions;
      return this;
    }

    /**
     * Gives a graph two more inputs behind its own, {@code documents} and {@code positions}, both
     * INT [B, T], which the swapped layers alone read: what {@link
     * io.anchor4j.data.DocumentInputIterator} delivers. Without, documents come in the features
     * mask, which other layers read too.
     */
    public Builder documentInputs() {
      documentInputs = true;
      return this;
    }

    /** Begins the updaters' state anew instead of moving it. */
    public Builder resetUpdaterState() {
      resetUpdaterState = true;
      return this;
    }

    /**
     * Returns the retrofit, which can be applied to any number of networks.
     *
     * @throws IllegalArgumentException if an option is out of range
     */
    public AttentionRetrofit build() {
      return new AttentionRetrofit(this);
    }
  }
}
