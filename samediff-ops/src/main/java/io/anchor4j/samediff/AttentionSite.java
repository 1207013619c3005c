package io.anchor4j.samediff;

import io.anchor4j.attention.AttentionConfig;
import java.util.List;
import java.util.Set;

/**
 * One attention of a graph, as it was understood.
 *
 * @param output the variable that holds the result, which keeps its name
 * @param form how the graph writes it, for the report
 * @param query [B, H, Tq, D], [N, Tq, D] or [Tq, D]
 * @param key the same with Tk
 * @param value the same with Tk and Dv
 * @param outputTransposed whether the result is [.., Dv, Tq]
 * @param rank of query, key and value: 4, 3 or 2
 * @param shape sizes on the probe
 * @param scale what products of queries and keys are multiplied by
 * @param causal whether a constant mask hides later tokens
 * @param biases what is added to the scores of a key, whoever asks
 * @param folding how [B, H, T, D] was folded into [N, T, D]
 * @param projections of a multi-head op, else null
 * @param removed the ops that go
 */
record AttentionSite(
    String output,
    String form,
    Operand query,
    Operand key,
    Operand value,
    boolean outputTransposed,
    int rank,
    Shape shape,
    double scale,
    boolean causal,
    List<KeyBias> biases,
    Folding folding,
    Projections projections,
    Set<String> removed) {

  /** What it computes. */
  AttentionConfig config() {
    return AttentionConfig.DEFAULT.withCausal(causal).withScale(scale);
  }

  /** Those that a score sums over in the op: masks take one. */
  long scoredDimensions() {
    return shape.headDim() + (biases.isEmpty() ? 0 : 1);
  }

  /** The dimensions of a head in the op, where all three inputs have the same. */
  long dimensions() {
    return Math.max(scoredDimensions(), shape.valueDim());
  }

  /** For the report. */
  String description() {
    List<String> names = biases.stream().map(KeyBias::variable).toList();
    String masks = names.isEmpty() ? "" : ", mask " + String.join(" and ", names);
    return form + ", scale " + (float) scale + (causal ? ", causal" : "") + masks;
  }

  /**
   * A variable that holds queries, keys or values.
   *
   * @param transposed whether tokens come last: [.., D, T]
   */
  record Operand(String variable, boolean transposed) {}

  /** Sizes on the probe: B or N, queries, keys, and the dimensions of a key's and value's head. */
  record Shape(long rows, long queries, long keys, long headDim, long valueDim) {}

  /**
   * What is added to the scaled scores: {@code factor * variable + offset}, one number a key.
   *
   * @param rank of the variable
   * @param keyAxis the axis of the variable that counts keys, from its end: 1 or 2
   * @param perBatch whether the variable is [B, Tk], of whatever rank the scores are
   */
  record KeyBias(
      String variable, double factor, double offset, int rank, int keyAxis, boolean perBatch) {}

  /** The weights of a multi-head op: [H, D, in] each, and [H * Dv, out]. */
  record Projections(
      String query, String key, String value, String output, long heads, long in, long out) {}

  /**
   * How rows of [N, T, D] relate to rows of documents [B, T]; N = B * heads.
   *
   * @param heads 1 where nothing is folded, 0 where it cannot be told
   * @param headMajor whether all rows of head 0 come first, as after a concat of heads
   */
  record Folding(long heads, boolean headMajor) {
    static final Folding NONE = new Folding(1, false);
    static final Folding UNKNOWN = new Folding(0, false);
  }
}
