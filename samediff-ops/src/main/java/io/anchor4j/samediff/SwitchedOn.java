package io.anchor4j.samediff;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkNotNull;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * What differs from the graph's attention once equality is shown.
 *
 * @param change from what an attention of the graph computes to what it is to compute
 * @param documents the name of a placeholder, or null
 * @param positions the name of a placeholder, or null
 */
record SwitchedOn(UnaryOperator<AttentionConfig> change, String documents, String positions) {

  /** Returns what {@code site} is to compute. */
  AttentionConfig of(AttentionSite site) {
    AttentionConfig config =
        checkNotNull(change.apply(site.config()), "SameDiffRetrofit: attention(...) returned null");
    // Here, since the op would take 0 for 1/sqrt of its own dimensions, of which masks have one.
    return config.withScale(config.scaleFor((int) site.shape().headDim()));
  }

  boolean nothing(List<AttentionSite> sites) {
    return documents == null && sameMaths(sites);
  }

  /** Whether a row of one document is to give what the row gave. */
  boolean sameMaths(List<AttentionSite> sites) {
    return sites.stream()
        .allMatch(site -> of(site).withMask(AttentionMask.FULL).equals(site.config()));
  }

  /** Whether documents, order or distance of tokens are to count. */
  private boolean readsTokens(AttentionSite site) {
    AttentionConfig old = site.config();
    return documents != null
        || !of(site).withScale(old.scale()).withPrecision(old.precision()).equals(old);
  }

  /**
   * Checks that all of it means something.
   *
   * @throws IllegalArgumentException with the name of the option or the attention
   */
  void check(GraphReading reading) {
    checkArgument(
        positions == null || documents != null,
        "SameDiffRetrofit: positions need documents(...): feed document 1 for every token of a"
            + " plain row.");
    for (AttentionSite site : reading.sites()) {
      AttentionMask mask = of(site).mask();
      checkArgument(
          (mask == AttentionMask.FULL) == (documents == null),
          documents == null
              ? "SameDiffRetrofit: the mask %s hides by document ids, and there are none. Name their"
                  + " placeholder with documents(...)."
              : "SameDiffRetrofit: under the mask %s documents hide nothing. Choose another with"
                  + " attention(a -> a.withMask(...)).",
          mask);
      if (readsTokens(site)) {
        String reason = refused(reading.view(), site);
        checkArgument(
            reason == null,
            "SameDiffRetrofit: documents, causal, window, alibi and rotary do not fit '%s': %s."
                + " Leave it out with only(...).",
            site.output(),
            reason);
      }
      checkArgument(
          !of(site).alibi() || site.folding().heads() == 1,
          "SameDiffRetrofit: alibi does not fit '%s': its %s heads are rows of the batch, and each"
              + " would get the slope of a single head. Leave it out with only(...).",
          site.output(),
          site.folding().heads());
    }
    SameDiff graph = reading.view().graph();
    for (String name : names()) {
      SDVariable known = graph.hasVariable(name) ? graph.getVariable(name) : null;
      checkArgument(
          known == null || (known.isPlaceHolder() && known.dataType() == DataType.INT32),
          "SameDiffRetrofit: '%s' must be a placeholder INT [B, T], got %s.",
          name,
          known == null ? null : known.getVariableType() + " " + known.dataType());
    }
  }

  private List<String> names() {
    return Stream.of(documents, positions).filter(Objects::nonNull).toList();
  }

  /** Why documents, order or distance mean nothing here, or null where they do. */
  private static String refused(GraphView view, AttentionSite site) {
    if (site.shape().queries() != site.shape().keys()) {
      return "its queries are not its keys' tokens ("
          + site.shape().queries()
          + " and "
          + site.shape().keys()
          + ")";
    }
    List<String> queries = sources(view, site.query().variable());
    List<String> keys = sources(view, site.key().variable());
    if (!queries.equals(keys)) {
      return "its queries come from " + queries + ", its keys from " + keys;
    }
    return site.folding().heads() == 0
        ? "how its heads were folded into the batch is not understood"
        : null;
  }

  /** The placeholders that may hold tokens, on which {@code variable} depends, sorted. */
  private static List<String> sources(GraphView view, String variable) {
    return view.leaves(variable, VariableType.PLACEHOLDER).stream()
        .filter(name -> view.shape(name).length > 1)
        .sorted()
        .toList();
  }

  /** Returns the placeholder of that name, made if the graph has none; null for null. */
  static SDVariable placeholder(SameDiff graph, String name) {
    if (name == null) {
      return null;
    }
    return graph.hasVariable(name)
        ? graph.getVariable(name)
        : graph.placeHolder(name, DataType.INT32, -1, -1);
  }

  /** What the user has to know. */
  List<String> notes(List<AttentionSite> sites) {
    var notes = new ArrayList<String>();
    if (documents != null) {
      notes.add(
          "feed '"
              + String.join("' and '", names())
              + "' INT [B, T] (1 everywhere is a row of one document);"
              + " for training, add it to the data set feature mapping");
    }
    for (AttentionSite site : sites) {
      if (of(site).causal() && !site.biases().isEmpty()) {
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
