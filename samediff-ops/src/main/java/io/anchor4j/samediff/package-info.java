/**
 * Surgery on a user's SameDiff graph: its attention becomes the anchor op, everything else stays.
 *
 * <p>{@link io.anchor4j.samediff.SameDiffRetrofit} is the entry. {@code AttentionFinder} reads the
 * graph and says what each attention computes, {@code AttentionGraft} writes the same with {@link
 * io.anchor4j.ops.AnchorAttention}, {@code GraphSnapshot} takes it back, {@code Probe} compares.
 */
package io.anchor4j.samediff;
