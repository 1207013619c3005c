package io.anchor4j.dl4j.vertex;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.common.base.Preconditions;
import io.anchor4j.attention.AttentionConfig;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * Attention over projected queries, keys and values, without parameters.
 *
 * <p>Inputs in this order, the integers last:
 *
 * <ol>
 *   <li>query [B, H*D, T]
 *   <li>key [B, Hkv*D, T]
 *   <li>value [B, Hkv*D, T]
 *   <li>documents INT [B, T], may be left out: 0 anchor, n document n, -1 padding
 *   <li>positions INT [B, T], may be left out (then 0 to T - 1), any integers
 * </ol>
 *
 * <p>The output is [B, H*D, T], exactly 0 at padding. Without a documents input they come from the
 * mask of the key input, if there is one, as in {@link
 * io.anchor4j.dl4j.layer.AnchorAttentionLayer}: 0 padding, 1 anchor, n + 1 document n. The mask of
 * the query input passes on.
 *
 * <p>{@code rnnTimeStep} of a graph with this vertex ends in an {@link IllegalStateException}:
 * ComputationGraph keeps state in layers alone. Use an {@link
 * io.anchor4j.dl4j.layer.AnchorAttentionLayer} there.
 *
 * <p>Integers come last because M2.1's ComputationGraph mixes up the gradients of a vertex's inputs
 * once one that it shares with another vertex had none.
 */
public final class AnchorAttentionVertex extends TokenVertex {
  private static final long serialVersionUID = 1L;

  @JsonProperty private int heads;
  @JsonProperty private int kvHeads;
  @JsonProperty private AttentionConfig attention = AttentionConfig.DEFAULT;

  private AnchorAttentionVertex() {}

  /**
   * Creates the vertex.
   *
   * @param heads H, query heads
   * @param kvHeads Hkv, key/value heads, a divisor of {@code heads}
   * @param attention what is computed
   * @throws IllegalArgumentException if {@code heads} is not a multiple of {@code kvHeads}
   */
  public AnchorAttentionVertex(int heads, int kvHeads, AttentionConfig attention) {
    checkArgument(
        heads > 0 && kvHeads > 0 && heads % kvHeads == 0,
        "AnchorAttentionVertex: heads must be a multiple of kvHeads, got heads=%s and kvHeads=%s",
        heads,
        kvHeads);
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.attention = Preconditions.checkNotNull(attention, "AnchorAttentionVertex: attention");
  }

  /** The number of query heads. */
  public int getHeads() {
    return heads;
  }

  /** Sets the number of query heads; for JSON. */
  public void setHeads(int heads) {
    this.heads = heads;
  }

  /** The number of key/value heads. */
  public int getKvHeads() {
    return kvHeads;
  }

  /** Sets the number of key/value heads; for JSON. */
  public void setKvHeads(int kvHeads) {
    this.kvHeads = kvHeads;
  }

  /** What is computed. */
  public AttentionConfig getAttention() {
    return attention;
  }

  /** Sets what is computed: the mask, the precision and so on of a trained graph. */
  public void setAttention(AttentionConfig attention) {
    this.attention = attention;
  }

  @Override
  TokenVertexImpl implement(ComputationGraph graph, String name, int index, DataType type) {
    return new AnchorAttentionVertexImpl(graph, name, index, type, this);
  }

  @Override
  public int minVertexInputs() {
    return 3;
  }

  @Override
  public int maxVertexInputs() {
    return 5;
  }

  @Override
  List<Object> options() {
    return List.of(heads, kvHeads, attention);
  }

  @Override
  long elementsPerToken() {
    return heads; // The log-sum-exp.
  }

  @Override
  public AnchorAttentionVertex clone() {
    return new AnchorAttentionVertex(heads, kvHeads, attention);
  }
}
