/**
 * The ops as ND4J knows them: eager, in a SameDiff graph, saved and loaded.
 *
 * <p>{@link io.anchor4j.ops.AnchorOps} is the entry, one method an op for arrays and for graph
 * variables. Each op validates, describes its outputs and hands the work to the {@link
 * io.anchor4j.kernel.KernelProvider} of the process; each has a gradient op beside it.
 */
package io.anchor4j.ops;
