package io.anchor4j.samples;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.ops.AnchorOps;
import io.anchor4j.rotary.RotaryConfig;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Attention as an op in a plain SameDiff graph: one row with an anchor and two documents. */
public final class SameDiffExample {
  private SameDiffExample() {}

  /** Prints the attention's output, then its gradient with respect to the queries. */
  public static void main(String[] args) {
    INDArray heads = Nd4j.rand(DataType.FLOAT, 1, 2, 6, 8); // [B, H, T, D]

    // README begin
    SameDiff graph = SameDiff.create();
    SDVariable query = graph.var("query", heads); // [B, H, T, D]
    SDVariable key = graph.var("key", heads.dup()); // [B, Hkv, T, D]
    SDVariable value = graph.var("value", heads.dup());
    SDVariable documents = graph.constant(Nd4j.createFromArray(new int[][] {{0, 1, 1, 2, 2, 2}}));
    SDVariable positions = graph.constant(Nd4j.createFromArray(new int[][] {{0, 1, 2, 3, 4, 5}}));
    AttentionConfig config =
        AttentionConfig.DEFAULT.withMask(AttentionMask.ANCHOR).withRotary(RotaryConfig.of(500_000));
    SDVariable out = AnchorOps.attention(config, query, key, value, documents, positions);
    out.norm2("loss").markAsLoss();
    // README end

    System.out.println(out.eval());
    System.out.println(graph.calculateGradients(Map.of(), "query").get("query"));
  }
}
