package io.anchor4j.kernel.cuda;

import com.sun.jna.Library;
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
 * NVIDIA's libraries, found when first asked for.
 *
 * <p>The driver's lies on the system's library path. NVRTC and cuBLAS belong to a CUDA toolkit:
 * they are looked for in the file that a system property names; else in a toolkit ({@code
 * CUDA_PATH}, {@code CUDA_HOME}, {@code /usr/local/cuda}); else on the system's library path; else
 * in bytedeco's jar of redistributables on the class path, the one that ND4J's CUDA backend is used
 * with.
 */
final class CudaLibraries {
  /** The system property that names NVRTC's file. */
  static final String NVRTC_PROPERTY = "anchor4j.cuda.nvrtc";

  /** The system property that names cuBLAS's file. */
  static final String CUBLAS_PROPERTY = "anchor4j.cuda.cublas";

  private static final String DRIVER = Platform.isWindows() ? "nvcuda" : "libcuda.so.1";

  /** Newest first. CUDA 11's NVRTC kept the name of 11.2. */
  private static final List<String> NVRTC =
      Platform.isWindows()
          ? List.of("nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll")
          : List.of("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2");

  private static final List<String> CUBLAS =
      Platform.isWindows()
          ? List.of("cublas64_13.dll", "cublas64_12.dll", "cublas64_11.dll")
          : List.of("libcublas.so.13", "libcublas.so.12", "libcublas.so.11");

  /** What a library opens by name from beside itself: unpacked with it. */
  private static final List<String> BESIDE =
      List.of(
          "libnvrtc-builtins.so.13.3",
          "libnvrtc-builtins.so.13.1",
          "libnvrtc-builtins.so.12.9",
          "libnvrtc-builtins.so.11.6",
          "libcublasLt.so.13",
          "libcublasLt.so.12",
          "libcublasLt.so.11");

  private CudaLibraries() {}

  /**
   * Returns the driver of this machine.
   *
   * @throws CudaException if there is none
   */
  static CudaDriver driver() {
    try {
      return Native.load(DRIVER, CudaDriver.class);
    } catch (UnsatisfiedLinkError e) {
      throw new CudaException("no NVIDIA driver (" + DRIVER + " not found)", e);
    }
  }

  /**
   * Returns the compiler.
   *
   * @throws CudaException if there is none, or the one that is named does not load
   */
  static Nvrtc nvrtc() {
    return load("NVRTC", NVRTC_PROPERTY, NVRTC, Nvrtc.class);
  }

  /**
   * Returns the library of matrix products.
   *
   * @throws CudaException if there is none, or the one that is named does not load
   */
  static Cublas cublas() {
    return load("cuBLAS", CUBLAS_PROPERTY, CUBLAS, Cublas.class);
  }

  private static <L extends Library> L load(
      String title, String property, List<String> names, Class<L> type) {
    String named = System.getProperty(property, "");
    if (!named.isEmpty()) {
      try {
        return Native.load(named, type);
      } catch (UnsatisfiedLinkError e) {
        throw new CudaException(property + "=" + named + " does not load: " + e.getMessage(), e);
      }
    }
    for (String place : places(names)) {
      try {
        return Native.load(place, type);
      } catch (UnsatisfiedLinkError e) {
        // The next place; the message below says what to do if it was the last.
      }
    }
    throw new CudaException(
        ("%s not found (%s), neither in CUDA_PATH, /usr/local/cuda or the library path nor in a"
                + " bytedeco redist jar on the class path. Install a CUDA toolkit 11.2 or newer, or"
                + " name the library's file by %s")
            .formatted(title, String.join(", ", names), property));
  }

  private static Set<String> places(List<String> names) {
    var roots = new ArrayList<String>();
    for (String variable : List.of("CUDA_PATH", "CUDA_HOME")) {
      String root = System.getenv(variable);
      if (root != null && !root.isEmpty()) {
        roots.add(root);
      }
    }
    roots.add("/usr/local/cuda");
    var places = new LinkedHashSet<String>();
    for (String root : roots) {
      for (String name : names) {
        var file = new File(root, (Platform.isWindows() ? "bin/" : "lib64/") + name);
        if (file.isFile()) {
          places.add(file.getPath());
        }
      }
    }
    places.addAll(names);
    for (String name : names) {
      URL library = inJar(name);
      if (library != null) {
        BESIDE.stream().map(CudaLibraries::inJar).forEach(CudaLibraries::unpack);
        places.add(unpack(library));
      }
    }
    return places;
  }

  private static URL inJar(String name) {
    return CudaLibraries.class.getResource(
        "/org/bytedeco/cuda/" + Loader.getPlatform() + "/" + name);
  }

  /** Returns the file's path, or null for null. */
  private static String unpack(URL library) {
    try {
      return library == null ? null : Loader.cacheResource(library).getPath();
    } catch (IOException e) {
      throw new UncheckedIOException("unpacking " + library, e);
    }
  }
}
