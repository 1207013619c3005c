package io.anchor4j.kernel.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.hash.Hashing;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Compiles kernels for {@link EmulatedDriver} by g++: warp.cuh is the emulator's, all else as it is
 * for a GPU. What is loaded is the path of a library that has a function {@code run_KERNEL} for
 * each kernel; libraries are kept in target by the hash of what they come from.
 */
final class EmulatedNvrtc extends FakeNvrtc {
  private static final Path EMULATOR = Path.of("src/test/cpp/cuda");
  private static final Path KEPT = Path.of("target/emulated-kernels");
  private static final Pattern KERNEL =
      Pattern.compile("^KERNEL\\((\\w+), (\\w+), (\\w+)\\)", Pattern.MULTILINE);

  /** Returns whether there is a compiler, and the emulator to compile with. */
  static boolean works() {
    if (!Files.exists(EMULATOR.resolve("emulator.cpp"))) {
      return false;
    }
    try {
      return new ProcessBuilder("g++", "--version").redirectErrorStream(true).start().waitFor()
          == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Returns the path of the library. */
  @Override
  byte[] image(Program program, List<String> macros) {
    try {
      return library(program, macros).toString().getBytes(UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path library(Program program, List<String> macros) throws IOException {
    var files = new TreeMap<>(program.files());
    for (String file : List.of("warp.cuh", "emulator.h", "emulator.cpp")) {
      files.put(file, Files.readString(EMULATOR.resolve(file)));
    }
    files.put("module.cpp", module(program));
    String hash =
        Hashing.sha256().hashString(files.toString() + macros, UTF_8).toString().substring(0, 16);
    Path library = KEPT.resolve(program.name() + "-" + hash + ".so").toAbsolutePath();
    if (!Files.exists(library)) {
      Path directory = Files.createDirectories(KEPT.resolve(program.name() + "-" + hash));
      for (Map.Entry<String, String> file : files.entrySet()) {
        Files.writeString(directory.resolve(file.getKey()), file.getValue());
      }
      compile(directory, macros, "library.so");
      Files.move(directory.resolve("library.so"), library, StandardCopyOption.ATOMIC_MOVE);
    }
    return library;
  }

  /** The kernels behind one C function each. */
  private static String module(Program program) {
    var text = new StringBuilder("#include \"emulator.h\"\n#include \"warp.cuh\"\nnamespace {\n");
    text.append("#include \"%s\"\n}\n".formatted(program.name()));
    for (String file : program.files().values()) {
      var kernels = KERNEL.matcher(file);
      while (kernels.find()) {
        text.append(
            """
            extern "C" int run_%1$s(int x, int y, int z, int threads, int shared, const void* p) {
              if (threads != %1$s_threads) return %3$d;
              emulator::launch(x, y, z, threads, shared,
                               [&] { %1$s(*static_cast<const %2$s*>(p)); });
              return 0;
            }
            """
                .formatted(kernels.group(2), kernels.group(3), CudaStatus.LAUNCH_OUT_OF_RESOURCES));
      }
    }
    return text.toString();
  }

  private static void compile(Path directory, List<String> macros, String library)
      throws IOException {
    var command =
        new ArrayList<>(List.of("g++", "-std=c++17", "-O1", "-shared", "-fPIC", "-pthread"));
    command.addAll(macros);
    command.addAll(
        List.of(
            "-I.",
            "-I" + Path.of("src/main/cpp").toAbsolutePath(),
            "module.cpp",
            "emulator.cpp",
            "-o",
            library));
    File log = directory.resolve("log").toFile();
    Process process =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log)
            .start();
    try {
      if (process.waitFor() != 0) {
        throw new AssertionError(command + "\n" + Files.readString(log.toPath()));
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
