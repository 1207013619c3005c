package io.anchor4j.nd4j;

/** ND4J's CPU backend with our executioner. */
public final class AnchorCpuBackend extends WrappedBackend {

  /** Makes the backend; ND4J does so by name. */
  public AnchorCpuBackend() {
    super(
        "nd4j-native",
        "org.nd4j.linalg.cpu.nativecpu.CpuBackend",
        "io.anchor4j.nd4j.AnchorCpuExecutioner");
  }

  /** One above the CPU's, so that ND4J takes this one first, and far below a GPU's. */
  @Override
  public int getPriority() {
    return BACKEND_PRIORITY_CPU + 1;
  }
}
