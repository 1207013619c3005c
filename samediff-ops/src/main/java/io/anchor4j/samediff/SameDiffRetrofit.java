package io.anchor4j.samediff;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkNotNull;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.samediff.SameDiffRetrofitReport.Proof;
import io.anchor4j.samediff.SameDiffRetrofitReport.Replaced;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Replaces the attention of a SameDiff graph, in place, by the anchor op with the same maths, and
 * shows on an input that outputs and gradients are the same; then switches on what is asked for.
 *
 * <p>Found are M2.1's {@code dotProductAttention} and {@code multiHeadDotProductAttention}, and
 * matmul, scale, mask, softmax, matmul of rank 2 to 4. Masks of keys are kept exactly, a constant
 * causal mask becomes the op's own. Everything else that looks like attention is left as it was and
 * reported with the reason; no attention is replaced by half. Variables, constants, placeholders,
 * losses, training configuration and updater state stay; the result of each attention keeps its
 * variable and its name. The arrays between are gone: scores and weights are never formed.
 *
 * <pre>{@code
 * var retrofit = new SameDiffRetrofit.Builder().build();
 * SameDiffRetrofitReport report = retrofit.apply(graph);
 * }</pre>
 */
public final class SameDiffRetrofit {
  private final Set<String> keep;
  private final Predicate<String> only;
  private final Map<String, INDArray> probe;
  private final double tolerance;
  private final SwitchedOn switchedOn;

  private SameDiffRetrofit(Builder builder) {
    keep = Set.copyOf(builder.keep);
    only = checkNotNull(builder.only, "SameDiffRetrofit: only is null");
    probe = builder.probe;
    checkArgument(
        builder.tolerance > 0,
        "SameDiffRetrofit: tolerance must be above 0, got %s",
        builder.tolerance);
    tolerance = builder.tolerance;
    switchedOn = new SwitchedOn(builder.attention, builder.documents, builder.positions);
  }

  /**
   * Returns what {@link #apply} would replace and leave, without changing or comparing anything.
   *
   * @throws IllegalArgumentException as {@link #apply} does, but for options
   */
  public SameDiffRetrofitReport inspect(SameDiff graph) {
    GraphReading reading = read(graph);
    List<Replaced> found =
        reading.sites().stream()
            .map(site -> new Replaced(site.output(), site.description(), List.of()))
            .toList();
    return new SameDiffRetrofitReport(found, reading.left(), null, List.of());
  }

  private GraphReading read(SameDiff graph) {
    checkNotNull(graph, "SameDiffRetrofit: the graph is null");
    return GraphReading.of(graph, keep, probe, only);
  }

  /**
   * Replaces attention in {@code graph}. Whatever is thrown, the graph is as it was.
   *
   * @throws IllegalArgumentException if the graph is eager or has loops or conditions, if it lacks
   *     what is to be kept, does not run on the probe or all its gradients are 0 there, or if an
   *     option does not fit an attention that was found
   * @throws IllegalStateException if outputs or gradients differ by more than the tolerance, or one
   *     document changes another's results by more
   */
  public SameDiffRetrofitReport apply(SameDiff graph) {
    GraphReading reading = read(graph);
    if (reading.sites().isEmpty()) {
      return new SameDiffRetrofitReport(List.of(), reading.left(), null, List.of());
    }
    switchedOn.check(reading);
    List<String> losses = List.copyOf(graph.getLossVariables());
    GraphSnapshot snapshot = GraphSnapshot.of(graph);
    boolean done = false;
    try {
      var report = swap(reading, snapshot);
      done = true;
      return report;
    } finally {
      if (!done) {
        snapshot.restore();
      }
      graph.setLossVariables(losses.toArray(String[]::new)); // a gradient graph may infer some
    }
  }

  private SameDiffRetrofitReport swap(GraphReading reading, GraphSnapshot snapshot) {
    var notes = new ArrayList<String>();
    var equality = EqualityProof.begin(reading, tolerance, notes);
    List<Replaced> replaced = AttentionGraft.all(reading, AttentionSite::config, null, null);
    Proof proof = equality.show();
    if (!switchedOn.nothing(reading.sites())) {
      snapshot.restore();
      SameDiff graph = reading.view().graph();
      SDVariable documents = SwitchedOn.placeholder(graph, switchedOn.documents());
      SDVariable positions = SwitchedOn.placeholder(graph, switchedOn.positions());
      replaced = AttentionGraft.all(reading, switchedOn::of, documents, positions);
      proof = proof.withLeak(tryOut(reading, equality, notes));
      GraphSnapshot.dropDerived(graph);
    }
    notes.addAll(switchedOn.notes(reading.sites()));
    return new SameDiffRetrofitReport(replaced, reading.left(), proof, notes);
  }

  /**
   * Runs what is switched on, with one document a row, which is still the same maths where only
   * documents are new, and with two.
   *
   * @return by how much one of two documents changes the other's results, NaN if not tried
   */
  private double tryOut(GraphReading reading, EqualityProof equality, List<String> notes) {
    Probe probe = reading.probe();
    if (switchedOn.documents() == null) {
      reading.run(probe, reading.ends());
      return Double.NaN;
    }
    AttentionSite site = reading.sites().get(0);
    long rows = site.shape().rows() / site.folding().heads();
    long tokens = site.shape().keys();
    var fixed = new HashSet<>(GraphReading.maskInputs(reading.view(), reading.sites()));
    if (switchedOn.positions() != null) {
      fixed.add(switchedOn.positions());
      probe = probe.with(switchedOn.positions(), Nd4j.zeros(DataType.INT32, rows, tokens));
    }
    Probe one = probe.with(switchedOn.documents(), Nd4j.ones(DataType.INT32, rows, tokens));
    if (switchedOn.sameMaths(reading.sites())) {
      equality.compareOutputs(one, "output with one document a row");
    } else {
      reading.run(one, reading.ends());
    }
    var leak = new LeakProof(reading, switchedOn.documents(), rows, tokens);
    return leak.show(probe, fixed, tolerance, notes);
  }

  /** Builds a {@link SameDiffRetrofit}, which unless told otherwise changes no result. */
  public static final class Builder {
    private final Set<String> keep = new LinkedHashSet<>();
    private Predicate<String> only = output -> true;
    private Map<String, INDArray> probe;
    private double tolerance = 1e-5;
    private String documents;
    private String positions;
    private UnaryOperator<AttentionConfig> attention = UnaryOperator.identity();

    /** Replaces only the attention whose result has one of the chosen names; all unless set. */
    public Builder only(Predicate<String> outputs) {
      only = outputs;
      return this;
    }

    /**
     * Leaves attention as it is that would lose one of these variables. Losses, the graph's {@code
     * outputs()} and what a training configuration evaluates are kept without being named.
     */
    public Builder keep(String... variables) {
      keep.addAll(List.of(variables));
      return this;
    }

    /**
     * Gives the input on which the graph is read and compared: an array for every placeholder that
     * it takes to compute outputs and losses, with 2 tokens or more. Without one it is drawn from
     * the placeholders' shapes, of 2 rows and 5 tokens where they are open.
     */
    public Builder probe(Map<String, INDArray> placeholders) {
      probe = Map.copyOf(placeholders);
      return this;
    }

    /**
     * Sets the difference allowed, over the larger of 1 and the largest value; 1e-5 unless set,
     * which graphs in HALF (about 2e-3) and BFLOAT16 (about 1e-2) cannot keep.
     */
    public Builder tolerance(double tolerance) {
      this.tolerance = tolerance;
      return this;
    }

    /**
     * Has each attention read document ids, by which the mask of {@link #attention} hides.
     *
     * @param placeholder INT [B, T], made if the graph has none of that name
     */
    public Builder documents(String placeholder) {
      documents = placeholder;
      return this;
    }

    /**
     * Has each attention read the tokens' positions for rotary and ALiBi, counted from each
     * document's start, for instance; without, they are those in the row.
     *
     * @param placeholder INT [B, T], made if the graph has none of that name
     */
    public Builder positions(String placeholder) {
      positions = placeholder;
      return this;
    }

    /**
     * Changes what each attention computes, starting from what the graph's does: mask {@code full},
     * the graph's scale, causal where the graph is, no window, no rotary embedding, float32.
     *
     * <pre>{@code
     * .attention(a -> a.withMask(AttentionMask.ANCHOR).withCausal(true).withWindow(512))
     * }</pre>
     */
    public Builder attention(UnaryOperator<AttentionConfig> change) {
      UnaryOperator<AttentionConfig> before = attention;
      attention = config -> change.apply(before.apply(config));
      return this;
    }

    /**
     * Returns the retrofit, which can be applied to any number of graphs.
     *
     * @throws IllegalArgumentException if the tolerance is not above 0
     */
    public SameDiffRetrofit build() {
      return new SameDiffRetrofit(this);
    }
  }
}
