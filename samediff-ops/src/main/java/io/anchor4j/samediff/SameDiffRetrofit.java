package io.anchor4j.samediff;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkNotNull;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.samediff.SameDiffRetrofitReport.Proof;
import io.anchor4j.samediff.SameDiffRetrofitReport.Replaced;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
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
 * SameDiffRetrofitReport report =
 *     SameDiffRetrofit.builder().documents("documents", AttentionMask.ANCHOR).build().apply(graph);
 * }</pre>
 */
public final class SameDiffRetrofit {
  private final Builder settings;

  private SameDiffRetrofit(Builder settings) {
    this.settings = settings;
  }

  /** Returns a builder that changes nothing but which op computes. */
  public static Builder builder() {
    return new Builder();
  }

  /** What is replaced, on which input equality is shown, and what is switched on then. */
  public static final class Builder {
    private final Set<String> keep = new LinkedHashSet<>();
    private Predicate<String> only = output -> true;
    private Map<String, INDArray> probe;
    private double tolerance = 1e-5;
    private String documents;
    private AttentionMask mask = AttentionMask.FULL;
    private Boolean causal;
    private int window;
    private boolean alibi;
    private RotaryConfig rotary;
    private Precision precision = Precision.FLOAT32;

    private Builder() {}

    /** Replaces only the attention whose result has one of the chosen names. */
    public Builder only(Predicate<String> outputs) {
      only = checkNotNull(outputs);
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
     * Sets the difference allowed, over the larger of 1 and the largest value; 1e-5 unless said.
     */
    public Builder tolerance(double tolerance) {
      checkArgument(tolerance > 0, "tolerance must be above 0, got %s", tolerance);
      this.tolerance = tolerance;
      return this;
    }

    /**
     * Has each attention read document ids and hide by them.
     *
     * @param placeholder INT [B, T], made if the graph has none of that name
     * @param mask who sees whom
     */
    public Builder documents(String placeholder, AttentionMask mask) {
      documents = checkNotNull(placeholder);
      this.mask = checkNotNull(mask);
      return this;
    }

    /** Sets whether a token sees no later one; unless said, as in the graph. */
    public Builder causal(boolean causal) {
      this.causal = causal;
      return this;
    }

    /** See {@link AttentionConfig#window}. */
    public Builder window(int tokens) {
      checkArgument(tokens >= 0, "window must be 0 (none) or more, got %s", tokens);
      window = tokens;
      return this;
    }

    /** See {@link AttentionConfig#alibi}. */
    public Builder alibi(boolean alibi) {
      this.alibi = alibi;
      return this;
    }

    /** See {@link AttentionConfig#rotary}; positions are those in the row. */
    public Builder rotary(RotaryConfig rotary) {
      this.rotary = rotary;
      return this;
    }

    /** See {@link AttentionConfig#precision}. */
    public Builder precision(Precision precision) {
      this.precision = checkNotNull(precision);
      return this;
    }

    public SameDiffRetrofit build() {
      var settings = new Builder();
      settings.keep.addAll(keep);
      settings.only = only;
      settings.probe = probe;
      settings.tolerance = tolerance;
      settings.documents = documents;
      settings.mask = mask;
      settings.causal = causal;
      settings.window = window;
      settings.alibi = alibi;
      settings.rotary = rotary;
      settings.precision = precision;
      return new SameDiffRetrofit(settings);
    }

    /** Whether anything is switched on that needs tokens in order or documents. */
    private boolean readsTokens() {
      return documents != null || causal != null || window > 0 || alibi || rotary != null;
    }

    private boolean changesMaths() {
      return causal != null
          || window > 0
          || alibi
          || rotary != null
          || precision != Precision.FLOAT32;
    }

    private AttentionConfig applyTo(AttentionConfig config) {
      return config
          .withMask(mask)
          .withCausal(causal == null ? config.causal() : causal)
          .withWindow(window)
          .withAlibi(alibi)
          .withRotary(rotary)
          .withPrecision(precision);
    }
  }

  /**
   * Returns what {@link #apply} would replace and leave, without changing or comparing anything.
   *
   * @throws IllegalArgumentException as {@link #apply} does
   */
  public SameDiffRetrofitReport inspect(SameDiff graph) {
    GraphReading reading = GraphReading.of(graph, settings.keep, settings.probe, settings.only);
    List<Replaced> found =
        reading.sites().stream()
            .map(site -> new Replaced(site.output(), describe(site), List.of()))
            .toList();
    return new SameDiffRetrofitReport(found, reading.left(), null, List.of());
  }

  /**
   * Replaces attention in {@code graph}. Whatever is thrown, the graph is as it was.
   *
   * @throws IllegalArgumentException if the graph is eager or has loops or conditions, if it does
   *     not run on the probe, or if an option does not fit an attention that was found
   * @throws IllegalStateException if outputs or gradients differ by more than the tolerance
   */
  public SameDiffRetrofitReport apply(SameDiff graph) {
    GraphReading reading = GraphReading.of(graph, settings.keep, settings.probe, settings.only);
    if (reading.sites().isEmpty()) {
      return new SameDiffRetrofitReport(List.of(), reading.left(), null, List.of());
    }
    checkOptions(graph, reading.sites());
    List<String> losses = List.copyOf(graph.getLossVariables());
    GraphSnapshot snapshot = GraphSnapshot.of(graph);
    boolean done = false;
    try {
      var report = swap(graph, reading, snapshot);
      done = true;
      return report;
    } finally {
      if (!done) {
        snapshot.restore();
      }
      graph.setLossVariables(losses.toArray(String[]::new)); // a gradient graph may infer some
    }
  }

  private void checkOptions(SameDiff graph, List<AttentionSite> sites) {
    if (settings.readsTokens()) {
      for (AttentionSite site : sites) {
        String reason = AttentionGraft.tokensRefused(site);
        checkArgument(
            reason == null,
            "SameDiffRetrofit: documents, causal, window, alibi and rotary do not fit '%s': %s."
                + " Leave it out with only(...).",
            site.output(),
            reason);
      }
    }
    if (settings.documents != null && graph.hasVariable(settings.documents)) {
      SDVariable known = graph.getVariable(settings.documents);
      checkArgument(
          known.isPlaceHolder() && known.dataType() == DataType.INT32,
          "SameDiffRetrofit: '%s' must be a placeholder INT [B, T], got %s %s.",
          settings.documents,
          known.getVariableType(),
          known.dataType());
    }
  }

  private SameDiffRetrofitReport swap(
      SameDiff graph, GraphReading reading, GraphSnapshot snapshot) {
    var notes = new ArrayList<String>();
    Set<String> compared = reading.ends();
    reading.sites().forEach(site -> compared.add(site.output()));
    Map<String, INDArray> before = reading.run(reading.probe(), compared);
    Map<String, INDArray> gradientsBefore = gradients(graph, reading.probe(), notes);

    List<Replaced> replaced = graft(reading, UnaryOperator.identity(), null);
    double outputs = largest(before, reading.run(reading.probe(), compared), "output");
    double gradients = Double.NaN;
    if (gradientsBefore != null) {
      gradients =
          largest(
              gradientsBefore,
              reading.probe().gradients(graph, List.copyOf(gradientsBefore.keySet())),
              "gradient");
    }
    GraphSnapshot.dropDerived(graph);
    var proof = new Proof(reading.probe().toString(), outputs, gradients, settings.tolerance);
    if (settings.readsTokens() || settings.changesMaths()) {
      snapshot.restore();
      replaced = switchOn(graph, reading, compared, before);
    }
    notes.addAll(notes(reading.sites()));
    return new SameDiffRetrofitReport(replaced, reading.left(), proof, notes);
  }

  private static List<Replaced> graft(
      GraphReading reading, UnaryOperator<AttentionConfig> options, SDVariable documents) {
    var replaced = new ArrayList<Replaced>();
    for (AttentionSite site : reading.sites()) {
      Set<String> gone = new AttentionGraft(reading.view(), site).apply(options, documents);
      replaced.add(new Replaced(site.output(), describe(site), List.copyOf(gone)));
    }
    return replaced;
  }

  /** With options, on one document a row; where only documents are new, still the same maths. */
  private List<Replaced> switchOn(
      SameDiff graph, GraphReading reading, Set<String> compared, Map<String, INDArray> before) {
    SDVariable documents = null;
    Probe probe = reading.probe();
    if (settings.documents != null) {
      documents =
          graph.hasVariable(settings.documents)
              ? graph.getVariable(settings.documents)
              : graph.placeHolder(settings.documents, DataType.INT32, -1, -1);
      AttentionSite site = reading.sites().get(0);
      long rows = site.shape().rows() / site.folding().heads();
      probe = probe.with(settings.documents, Nd4j.ones(DataType.INT32, rows, site.shape().keys()));
    }
    List<Replaced> replaced = graft(reading, settings::applyTo, documents);
    Map<String, INDArray> after = reading.run(probe, compared);
    if (!settings.changesMaths()) {
      largest(before, after, "output with one document a row");
    }
    GraphSnapshot.dropDerived(graph);
    return replaced;
  }

  /** The gradients of all trained variables, or null where the graph gives none. */
  private static Map<String, INDArray> gradients(SameDiff graph, Probe probe, List<String> notes) {
    var training = graph.getTrainingConfig();
    boolean noLoss =
        graph.getLossVariables().isEmpty()
            && (training == null
                || training.getLossVariables() == null
                || training.getLossVariables().isEmpty());
    List<String> trained =
        graph.variables().stream()
            .filter(v -> v.getVariableType() == VariableType.VARIABLE && v.dataType().isFPType())
            .map(SDVariable::name)
            .toList();
    if (noLoss || trained.isEmpty()) {
      return null;
    }
    try {
      return probe.gradients(graph, trained);
    } catch (RuntimeException e) {
      notes.add("gradients were not compared: the graph had none before (" + e.getMessage() + ")");
      return null;
    } finally {
      GraphSnapshot.dropDerived(graph);
    }
  }

  private double largest(Map<String, INDArray> before, Map<String, INDArray> after, String what) {
    double largest = 0;
    for (Map.Entry<String, INDArray> entry : before.entrySet()) {
      double difference = Probe.difference(entry.getValue(), after.get(entry.getKey()));
      if (!(difference <= settings.tolerance)) {
        throw new IllegalStateException(
            "SameDiffRetrofit: the "
                + what
                + " '"
                + entry.getKey()
                + "' would differ by "
                + difference
                + ", allowed is "
                + settings.tolerance
                + ". The graph is as it was. Random ops (dropout) or values that are not finite"
                + " give such a difference too.");
      }
      largest = Math.max(largest, difference);
    }
    return largest;
  }

  private static String describe(AttentionSite site) {
    return site.form() + ", scale " + (float) site.scale() + AttentionGraft.masks(site);
  }

  private List<String> notes(List<AttentionSite> sites) {
    var notes = new ArrayList<String>();
    if (settings.documents != null) {
      notes.add(
          "feed '"
              + settings.documents
              + "' INT [B, T] (1 everywhere is a row of one document);"
              + " for training, add it to the data set feature mapping");
    }
    for (AttentionSite site : sites) {
      boolean causalNow = settings.causal == null ? site.causal() : settings.causal;
      if (causalNow && !site.biases().isEmpty()) {
        notes.add(
            "'"
                + site.output()
                + "': a query that sees padded keys alone weighs those; two masks"
                + " of -1e9 on top of each other let it see later tokens too");
      }
    }
    return notes;
  }
}
