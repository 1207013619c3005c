package io.anchor4j.attention;

import io.anchor4j.rotary.RotaryConfig;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The sizes of one attention, and the one place that says what is wrong with its inputs.
 *
 * <p>query [B, H, Tq, D], key and value [B, Hkv, Tk, D], documents and positions INT [B, Tk]. The
 * queries are the last Tq of the Tk tokens: Tq = Tk in training, 1 when decoding against a cache.
 * With H = 6 and Hkv = 2, query heads 0 to 2 read key/value head 0 and heads 3 to 5 read head 1.
 *
 * @param batch B
 * @param heads H
 * @param kvHeads Hkv
 * @param queryTokens Tq
 * @param tokens Tk
 * @param headDim D
 */
public record AttentionShapes(
    int batch, int heads, int kvHeads, int queryTokens, int tokens, int headDim) {

  /** The largest head dimension a kernel computes. */
  public static final int MAX_HEAD_DIM = 256;

  /** Query heads that read the same key/value head: H / Hkv. */
  public int group() {
    return heads / kvHeads;
  }

  /**
   * Checks the inputs against each other and returns their sizes.
   *
   * @param op the op's name, for messages
   * @throws IllegalArgumentException naming the rule, every input and the way out
   */
  public static AttentionShapes of(
      String op,
      INDArray query,
      INDArray key,
      INDArray value,
      INDArray documents,
      INDArray positions,
      AttentionConfig config) {
    var inputs = new Inputs(op, query, key, value, documents, positions);
    inputs.check(
        query.rank() == 4 && key.rank() == 4 && value.rank() == 4,
        "query, key and value must have rank 4",
        "Reshape [B, T, H*D] to [B, T, H, D] and permute(0, 2, 1, 3).");
    inputs.check(
        query.dataType().isFPType()
            && key.dataType() == query.dataType()
            && value.dataType() == query.dataType(),
        "query, key and value must have one floating type",
        "Cast them with castTo(...).");
    inputs.check(
        Arrays.equals(key.shape(), value.shape()),
        "key and value must have the same shape",
        "Both are [B, Hkv, Tk, D].");
    long heads = query.size(1);
    long kvHeads = key.size(1);
    long tokens = key.size(2);
    long headDim = query.size(3);
    inputs.check(
        query.size(0) == key.size(0) && headDim == key.size(3),
        "query and key must agree in batch B and head dimension D",
        "query is [B, H, Tq, D], key [B, Hkv, Tk, D].");
    inputs.check(
        kvHeads > 0 && heads % kvHeads == 0,
        "query heads must be a multiple of key/value heads, got H=" + heads + " and Hkv=" + kvHeads,
        "Set kvHeads to a divisor of "
            + heads
            + "; in an imported model, check num_key_value_heads in config.json.");
    inputs.check(
        headDim >= 1 && headDim <= MAX_HEAD_DIM,
        "the head dimension must be 1 to " + MAX_HEAD_DIM + ", got D=" + headDim,
        "Use more, smaller heads.");
    inputs.check(
        query.size(2) >= 1 && query.size(2) <= tokens,
        "queries are the last Tq of the Tk tokens, got Tq=" + query.size(2) + " and Tk=" + tokens,
        "Give as many keys as queries, or more.");
    checkTokens(inputs, "documents", documents, query.size(0), tokens);
    checkTokens(inputs, "positions", positions, query.size(0), tokens);
    RotaryConfig rotary = config.rotary();
    if (rotary != null) {
      inputs.checkRotary(rotary, (int) headDim);
    }
    return new AttentionShapes(
        (int) query.size(0),
        (int) heads,
        (int) kvHeads,
        (int) query.size(2),
        (int) tokens,
        (int) headDim);
  }

  private static void checkTokens(
      Inputs inputs, String name, INDArray array, long batch, long tokens) {
    if (array == null) {
      return;
    }
    inputs.check(
        array.dataType() == DataType.INT32,
        name + " must be INT, got " + array.dataType(),
        "Integers never pass through a floating type: keep them as int, or castTo(DataType.INT32).");
    inputs.check(
        array.rank() == 2 && array.size(0) == batch && array.size(1) == tokens,
        name + " must be [B=" + batch + ", Tk=" + tokens + "]",
        "One integer for each key token.");
  }

  private record Inputs(
      String op,
      INDArray query,
      INDArray key,
      INDArray value,
      INDArray documents,
      INDArray positions) {

    void check(boolean rule, String broken, String remedy) {
      if (!rule) {
        throw new IllegalArgumentException(
            op + ": " + broken + ".\n  " + describe() + "\n  " + remedy);
      }
    }

    void checkRotary(RotaryConfig rotary, int headDim) {
      try {
        rotary.rotatedDimensions(headDim);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(op + ": " + e.getMessage() + "\n  " + describe(), e);
      }
    }

    private String describe() {
      var text = new StringBuilder();
      append(text, "query", query, "BHTD");
      append(text, "key", key, "BhTD");
      append(text, "value", value, "BhTD");
      append(text, "documents", documents, "BT");
      append(text, "positions", positions, "BT");
      return text.toString();
    }

    private static void append(StringBuilder text, String name, INDArray array, String letters) {
      if (array == null) {
        return;
      }
      text.append(text.length() == 0 ? "" : "    ").append(name).append(" [");
      for (int i = 0; i < array.rank(); i++) {
        text.append(i == 0 ? "" : ", ");
        if (array.rank() == letters.length()) {
          char letter = letters.charAt(i);
          text.append(letter == 'h' ? "Hkv" : String.valueOf(letter)).append('=');
        }
        text.append(array.size(i));
      }
      text.append("] ").append(array.dataType());
    }
  }
}
