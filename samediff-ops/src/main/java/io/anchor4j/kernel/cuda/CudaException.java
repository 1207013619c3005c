package io.anchor4j.kernel.cuda;

/** What a GPU, its driver or NVRTC could not do, in one line that says what to do about it. */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  CudaException(String message) {
    super(message);
  }

  CudaException(String message, Throwable cause) {
    super(message, cause);
  }
}
