/**
 * Vertices without parameters for ComputationGraphs of transformers.
 *
 * <p>Start at {@link io.anchor4j.dl4j.vertex.AnchorAttentionVertex}: attention over queries, keys
 * and values that ordinary layers project. Beside it {@link io.anchor4j.dl4j.vertex.ResidualVertex}
 * (a sum that keeps the layout of {@link io.anchor4j.dl4j.layer.TokenMajor}) and {@link
 * io.anchor4j.dl4j.vertex.TiedEmbeddingVertex} (the output layer uses the embedding's vectors).
 * {@link io.anchor4j.dl4j.vertex.DocumentsVertex} hands documents to an attention layer. With an
 * {@link io.anchor4j.dl4j.vertex.AttentionCache} a graph goes on token by token.
 *
 * <p>None has parameters on purpose: M2.1's TransferLearning drops those of vertices that are not
 * layers. Class and property names are a file format: saved networks hold them.
 */
package io.anchor4j.dl4j.vertex;
