/**
 * The only package that knows ND4J's insides.
 *
 * <p>{@link io.anchor4j.nd4j.AnchorCpuBackend} and {@link io.anchor4j.nd4j.AnchorCublasBackend}
 * stand on the class path as backends of their own, which is the whole set-up: they delegate
 * everything to the real backend, name {@link io.anchor4j.nd4j.AnchorCpuExecutioner} or {@link
 * io.anchor4j.nd4j.AnchorCudaExecutioner} as executioner and register the ops. {@link
 * io.anchor4j.nd4j.CudaBackendArrays} tells our kernels where the arrays of the CUDA backend are.
 * Nothing private is reached into, no system property is set. A port to a newer ND4J changes this
 * package alone.
 */
package io.anchor4j.nd4j;
