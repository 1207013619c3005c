package io.anchor4j.samediff;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkNotNull;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import java.util.List;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * What differs from the graph's attention once equality is shown.
 *
 * @param change from what an attention of the graph computes to what it is to compute
 * @param documents the name of a placeholder, or null
 */
record SwitchedOn(UnaryOperator<AttentionConfig> change, String documents) {

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
  void check(SameDiff graph, List<AttentionSite> sites) {
    for (AttentionSite site : sites) {
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
        String reason = refused(site);
        checkArgument(
            reason == null,
            "SameDiffRetrofit: documents, causal, window, alibi and rotary do not fit '%s': %s."
                + " Leave it out with only(...).",
            site.output(),
            reason);
      }
    }
    if (documents != null && graph.hasVariable(documents)) {
      SDVariable known = graph.getVariable(documents);
      checkArgument(
          known.isPlaceHolder() && known.dataType() == DataType.INT32,
          "SameDiffRetrofit: '%s' must be a placeholder INT [B, T], got %s %s.",
          documents,
          known.getVariableType(),
          known.dataType());
    }
  }

  /** Why documents, order or distance mean nothing here, or null where they do. */
  private static String refused(AttentionSite site) {
    if (site.shape().queries() != site.shape().keys()) {
      return "its queries are not its keys' tokens ("
          + site.shape().queries()
          + " and "
          + site.shape().keys()
          + ")";
    }
    return site.folding().heads() == 0
        ? "how its heads were folded into the batch is not understood"
        : null;
  }

  /** Returns the placeholder of documents, made if the graph has none, or null. */
  SDVariable documentsIn(SameDiff graph) {
    if (documents == null) {
      return null;
    }
    return graph.hasVariable(documents)
        ? graph.getVariable(documents)
        : graph.placeHolder(documents, DataType.INT32, -1, -1);
  }
}
