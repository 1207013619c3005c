/**
 * Plain loops in double: the truth that every other provider is tested against.
 *
 * <p>{@link io.anchor4j.kernel.reference.ReferenceKernels} is the provider. Read {@link
 * io.anchor4j.kernel.reference.ReferenceAttention} to know what attention here computes. A lower
 * {@link io.anchor4j.attention.Precision} rounds the operands of matrix products, which makes this
 * the plain version of that precision too. No fast provider uses any of it.
 */
package io.anchor4j.kernel.reference;
