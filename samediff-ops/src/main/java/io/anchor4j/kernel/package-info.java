/**
 * Who computes the ops, chosen once when the process starts.
 *
 * <p>{@link io.anchor4j.kernel.KernelProvider} is the contract, {@link
 * io.anchor4j.kernel.KernelProviders} the lookup. {@code reference} is plain loops in double, the
 * version to read first and the one the others are measured against; {@code nd4j} is blockwise on
 * ND4J's own ops and runs on any backend; {@code cpu} is C++ for the instruction sets of this
 * processor, {@code cuda} is CUDA C for an NVIDIA GPU.
 */
package io.anchor4j.kernel;
