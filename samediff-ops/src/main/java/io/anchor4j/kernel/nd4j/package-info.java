/**
 * Kernels on ND4J's own ops: they run on any backend, at the speed of its matrix products.
 *
 * <p>{@link io.anchor4j.kernel.nd4j.Nd4jKernels} is the provider. Attention gathers each row
 * document by document ({@link io.anchor4j.attention.DocumentMask}), so that tiles between
 * documents never arise, and walks tiles of queries and keys; memory beyond inputs and outputs
 * grows with T.
 */
package io.anchor4j.kernel.nd4j;
