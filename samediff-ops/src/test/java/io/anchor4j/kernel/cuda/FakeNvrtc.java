package io.anchor4j.kernel.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** An NVRTC that compiles nothing: an image names its source and macros. */
class FakeNvrtc implements Nvrtc {
  private final Map<Pointer, Program> programs = new HashMap<>();
  private final Map<Pointer, byte[]> images = new HashMap<>();

  /**
   * What is to be compiled.
   *
   * @param files texts by name, the source's among them
   */
  record Program(String name, Map<String, String> files) {}

  /**
   * Returns what is loaded.
   *
   * @param macros as {@code -DNAME=VALUE}
   */
  byte[] image(Program program, List<String> macros) {
    return (program.name() + " " + String.join(" ", macros)).getBytes(UTF_8);
  }

  @Override
  public int nvrtcVersion(int[] major, int[] minor) {
    major[0] = 12;
    return 0;
  }

  @Override
  public int nvrtcGetNumSupportedArchs(int[] count) {
    count[0] = 1;
    return 0;
  }

  @Override
  public int nvrtcGetSupportedArchs(int[] architectures) {
    architectures[0] = 90;
    return 0;
  }

  @Override
  public int nvrtcCreateProgram(
      Pointer[] program,
      String source,
      String name,
      int headers,
      String[] headerSources,
      String[] headerNames) {
    var files = new TreeMap<String, String>();
    files.put(name, source);
    for (int i = 0; i < headers; i++) {
      files.put(headerNames[i], headerSources[i]);
    }
    program[0] = new Memory(1);
    programs.put(program[0], new Program(name, files));
    return 0;
  }

  @Override
  public int nvrtcCompileProgram(Pointer program, int options, String[] optionTexts) {
    List<String> macros =
        Arrays.stream(optionTexts).filter(option -> option.startsWith("-D")).toList();
    images.put(program, image(programs.get(program), macros));
    return 0;
  }

  @Override
  public int nvrtcGetCUBINSize(Pointer program, long[] bytes) {
    bytes[0] = images.get(program).length;
    return 0;
  }

  @Override
  public int nvrtcGetCUBIN(Pointer program, byte[] cubin) {
    byte[] image = images.get(program);
    System.arraycopy(image, 0, cubin, 0, image.length);
    return 0;
  }

  @Override
  public int nvrtcGetPTXSize(Pointer program, long[] bytes) {
    throw new AssertionError("the GPU's own code is asked for");
  }

  @Override
  public int nvrtcGetPTX(Pointer program, byte[] ptx) {
    throw new AssertionError("the GPU's own code is asked for");
  }

  @Override
  public int nvrtcGetProgramLogSize(Pointer program, long[] bytes) {
    bytes[0] = 1;
    return 0;
  }

  @Override
  public int nvrtcGetProgramLog(Pointer program, byte[] log) {
    return 0;
  }

  @Override
  public int nvrtcDestroyProgram(Pointer[] program) {
    programs.remove(program[0]);
    images.remove(program[0]);
    return 0;
  }

  @Override
  public String nvrtcGetErrorString(int status) {
    return "status " + status;
  }
}
