package io.anchor4j.kernel;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionShapes;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The checked inputs of one attention over a whole batch, as a kernel receives them.
 *
 * <p>Arrays may be views with any strides. Nothing is null: a graph that gives no documents has one
 * document a row, and one that gives no positions counts from 0.
 *
 * @param query [B, H, Tq, D], any floating type
 * @param key [B, Hkv, Tk, D], the type of {@code query}
 * @param value [B, Hkv, Tk, D], the type of {@code query}
 * @param documents INT [B, Tk], see {@link io.anchor4j.attention.AttentionMask}
 * @param positions INT [B, Tk], what rotary and ALiBi go by
 */
public record AttentionArguments(
    AttentionConfig config,
    AttentionShapes shapes,
    INDArray query,
    INDArray key,
    INDArray value,
    INDArray documents,
    INDArray positions) {

  /**
   * Checks the inputs and fills in what may be left out.
   *
   * @param op the op's name, for messages
   * @param documents null for one document a row
   * @param positions null for 0 to Tk - 1
   * @throws IllegalArgumentException as {@link AttentionShapes#of} says
   */
  public static AttentionArguments of(
      String op,
      AttentionConfig config,
      INDArray query,
      INDArray key,
      INDArray value,
      INDArray documents,
      INDArray positions) {
    var shapes = AttentionShapes.of(op, query, key, value, documents, positions, config);
    return new AttentionArguments(
        config,
        shapes,
        query,
        key,
        value,
        documents != null ? documents : Nd4j.ones(DataType.INT32, shapes.batch(), shapes.tokens()),
        positions != null ? positions : counted(shapes.batch(), shapes.tokens()));
  }

  private static INDArray counted(int batch, int tokens) {
    var rows = new int[batch][tokens];
    for (int[] row : rows) {
      for (int t = 0; t < tokens; t++) {
        row[t] = t;
      }
    }
    return Nd4j.createFromArray(rows);
  }
}
