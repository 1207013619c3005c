/**
 * Surgery on a user's SameDiff graph: its attention becomes the anchor op, everything else stays.
 *
 * <p>{@link io.anchor4j.samediff.SameDiffRetrofit} is the entry. {@code AttentionFinder} reads the
 * graph and says what each attention computes ({@code SoftmaxPattern} and {@code ScoreChain} where
 * it is written out, {@code HeadFolding} for rows), {@code AttentionWriter} writes the same with
 * {@link io.anchor4j.ops.AnchorAttention}, {@code AttentionGraft} wires it in, {@code
 * GraphSnapshot} takes it back, {@code EqualityProof} compares on a {@code Probe}.
 */
package io.anchor4j.samediff;
