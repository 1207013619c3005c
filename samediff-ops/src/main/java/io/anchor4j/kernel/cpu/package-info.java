/**
 * Kernels in C++ for the instruction sets of this processor, from portable loops to AMX.
 *
 * <p>{@link io.anchor4j.kernel.cpu.CpuKernels} is the provider, {@link
 * io.anchor4j.kernel.cpu.InstructionSet} what it can compute with. {@code NativeKernels} is {@code
 * anchor4j.h} in Java, and nothing else here calls native code; {@code NativeArrays} describes
 * arrays for it. The C++ is in {@code src/main/cpp}.
 */
package io.anchor4j.kernel.cpu;
