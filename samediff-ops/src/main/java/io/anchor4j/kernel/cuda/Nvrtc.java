package io.anchor4j.kernel.cuda;

import com.sun.jna.Library;
import com.sun.jna.Pointer;

/**
 * The calls of NVIDIA's run-time compiler that are in use, by their names in {@code libnvrtc.so}.
 *
 * <p>Every call returns a status, 0 for success; what the compiler writes comes in an array of one.
 *
 * @see <a href="https://docs.nvidia.com/cuda/nvrtc/">NVRTC</a>
 */
interface Nvrtc extends Library {
  int COMPILATION_FAILED = 6;

  int nvrtcVersion(int[] major, int[] minor);

  int nvrtcGetNumSupportedArchs(int[] count);

  /** Real architectures as 10 * major + minor, ascending. */
  int nvrtcGetSupportedArchs(int[] architectures);

  int nvrtcCreateProgram(
      Pointer[] program,
      String source,
      String name,
      int headers,
      String[] headerSources,
      String[] headerNames);

  int nvrtcCompileProgram(Pointer program, int options, String[] optionTexts);

  int nvrtcGetPTXSize(Pointer program, long[] bytes);

  int nvrtcGetPTX(Pointer program, byte[] ptx);

  int nvrtcGetCUBINSize(Pointer program, long[] bytes);

  int nvrtcGetCUBIN(Pointer program, byte[] cubin);

  int nvrtcGetProgramLogSize(Pointer program, long[] bytes);

  int nvrtcGetProgramLog(Pointer program, byte[] log);

  int nvrtcDestroyProgram(Pointer[] program);

  String nvrtcGetErrorString(int status);
}
