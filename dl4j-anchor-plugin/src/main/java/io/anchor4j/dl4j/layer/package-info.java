/**
 * Native DL4J layers over sequences: attention with document masks, and the parts of a decoder-only
 * language model.
 *
 * <p>Start at {@link io.anchor4j.dl4j.layer.AnchorAttentionLayer}, which stands where a {@code
 * SelfAttentionLayer} stands. The other layers:
 *
 * <ul>
 *   <li>{@link io.anchor4j.dl4j.layer.TokenEmbeddingLayer}: integer ids in, vectors out
 *   <li>{@link io.anchor4j.dl4j.layer.RmsNormLayer}, {@link
 *       io.anchor4j.dl4j.layer.TokenLinearLayer}, {@link io.anchor4j.dl4j.layer.GatedMlpLayer}: the
 *       same function at every token
 *   <li>{@link io.anchor4j.dl4j.layer.LanguageModelOutputLayer}: cross-entropy against integer
 *       targets, the logits never whole
 *   <li>{@link io.anchor4j.dl4j.layer.BinaryMaskLayer}: turns a mask of document numbers into a 0/1
 *       mask for DL4J's own layers
 * </ul>
 *
 * <p>Layers can be frozen, their weights then being no parameters of the network, and linear ones
 * take low-rank adapters: {@link io.anchor4j.dl4j.layer.LoraConfig} does both to a graph.
 *
 * <p>Each configuration has its implementation beside it ({@code RmsNormLayer}, {@code
 * RmsNormLayerImpl}). Class, package and property names are a file format: saved networks hold
 * them.
 *
 * <p>Letters for shapes: B batch, T tokens, C channels, H query heads, Hkv key/value heads, D head
 * dimension, V vocabulary. Activations are DL4J's [B, C, T] (NCW); in memory they lie token by
 * token, see {@link io.anchor4j.dl4j.layer.TokenMajor}.
 */
package io.anchor4j.dl4j.layer;
