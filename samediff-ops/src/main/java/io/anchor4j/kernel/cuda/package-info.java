/**
 * Kernels in CUDA C, compiled by NVRTC for the GPU that is present.
 *
 * <p>{@link io.anchor4j.kernel.cuda.CudaDevice} is one GPU and {@link
 * io.anchor4j.kernel.cuda.KernelCompiler} what makes machine code of the sources in this package's
 * resources; both reach NVIDIA's libraries through interfaces of the calls in use, {@link
 * io.anchor4j.kernel.cuda.CudaDriver} and {@link io.anchor4j.kernel.cuda.Nvrtc}, which JNA binds
 * when they are first asked for. Nothing is linked when this project is built.
 */
package io.anchor4j.kernel.cuda;
