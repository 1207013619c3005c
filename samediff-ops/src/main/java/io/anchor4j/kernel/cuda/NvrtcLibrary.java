package io.anchor4j.kernel.cuda;

import com.sun.jna.Native;
import com.sun.jna.Platform;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.bytedeco.javacpp.Loader;

/**
 * Where NVRTC is found: the file that {@value #PROPERTY} names; else a CUDA toolkit ({@code
 * CUDA_PATH}, {@code CUDA_HOME}, {@code /usr/local/cuda}); else the system's library path; else
 * bytedeco's jar of redistributables on the class path, the one that ND4J's CUDA backend is used
 * with.
 */
final class NvrtcLibrary {
  /** The system property that names the library's file. */
  static final String PROPERTY = "anchor4j.cuda.nvrtc";

  /** Newest first. CUDA 11's NVRTC kept the name of 11.2. */
  private static final List<String> NAMES =
      Platform.isWindows()
          ? List.of("nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll")
          : List.of("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2");

  private static final String IN_JAR = "/org/bytedeco/cuda/";

  private NvrtcLibrary() {}

  /**
   * Returns the compiler.
   *
   * @throws CudaException if there is none, or the one that is named does not load
   */
  static Nvrtc load() {
    String named = System.getProperty(PROPERTY, "");
    if (!named.isEmpty()) {
      return load(named, PROPERTY + "=" + named);
    }
    for (String place : places()) {
      try {
        return Native.load(place, Nvrtc.class);
      } catch (UnsatisfiedLinkError e) {
        // The next place; the message below says what to do if it was the last.
      }
    }
    throw new CudaException(
        ("NVRTC not found (%s), neither in CUDA_PATH, /usr/local/cuda or the library path nor as a"
                + " bytedeco redist jar on the class path. Install a CUDA toolkit 11.2 or newer, or"
                + " name the library's file by %s")
            .formatted(String.join(", ", NAMES), PROPERTY));
  }

  private static Nvrtc load(String file, String where) {
    try {
      return Native.load(file, Nvrtc.class);
    } catch (UnsatisfiedLinkError e) {
      throw new CudaException(where + " does not load: " + e.getMessage(), e);
    }
  }

  private static Set<String> places() {
    var directories = new ArrayList<String>();
    for (String variable : List.of("CUDA_PATH", "CUDA_HOME")) {
      String root = System.getenv(variable);
      if (root != null && !root.isEmpty()) {
        directories.add(root);
      }
    }
    directories.add("/usr/local/cuda");
    var places = new LinkedHashSet<String>();
    for (String directory : directories) {
      for (String name : NAMES) {
        var file = new File(directory, (Platform.isWindows() ? "bin/" : "lib64/") + name);
        if (file.isFile()) {
          places.add(file.getPath());
        }
      }
    }
    places.addAll(NAMES);
    for (String name : NAMES) {
      URL jar = NvrtcLibrary.class.getResource(IN_JAR + Loader.getPlatform() + "/" + name);
      if (jar != null) {
        places.add(extracted(jar));
      }
    }
    return places;
  }

  /** Unpacks the library, and beside it the part of it that it looks for there. */
  private static String extracted(URL library) {
    try {
      for (String version : List.of("13.3", "13.1", "12.9", "11.6")) {
        URL builtins =
            NvrtcLibrary.class.getResource(
                IN_JAR + Loader.getPlatform() + "/libnvrtc-builtins.so." + version);
        if (builtins != null) {
          Loader.cacheResource(builtins);
        }
      }
      return Loader.cacheResource(library).getPath();
    } catch (IOException e) {
      throw new UncheckedIOException("unpacking " + library, e);
    }
  }
}
