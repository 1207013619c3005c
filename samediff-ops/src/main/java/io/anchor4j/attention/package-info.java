/**
 * What attention means, without a line of how it is computed.
 *
 * <p>{@link io.anchor4j.attention.AttentionConfig} is the entry. {@link
 * io.anchor4j.attention.AttentionMask} holds the three rules of who sees whom, {@link
 * io.anchor4j.attention.DocumentMask} their linear-size form that kernels skip by, {@link
 * io.anchor4j.attention.Alibi} and {@link io.anchor4j.attention.Precision} the bias and the number
 * formats, {@link io.anchor4j.attention.CliNames} the words by which a user names such choices, and
 * {@link io.anchor4j.attention.AttentionShapes} says what is wrong with an input.
 */
package io.anchor4j.attention;
