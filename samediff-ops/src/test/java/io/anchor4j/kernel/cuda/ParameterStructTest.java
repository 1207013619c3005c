package io.anchor4j.kernel.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.primitives.ImmutableLongArray;
import io.anchor4j.kernel.cuda.ParameterStruct.Field;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParameterStructTest {
  /** Structs that parameters.cuh names otherwise than with "Parameters" behind. */
  private static final Map<String, String> NAMES = Map.of("Array", "Array");

  /** Groups that only Java knows: the parts of AttentionParameters. */
  private static final String GROUPS = "\\b(arrays|tables|operands|sizes|rules)\\.";

  private static List<Record> structs() {
    return Arrays.asList(
        make(KernelParameters.Array.class),
        make(KernelParameters.Attention.class),
        make(KernelParameters.RotaryAngles.class),
        make(KernelParameters.Convert.class),
        make(KernelParameters.GatedSilu.class),
        make(KernelParameters.Rotary.class),
        make(KernelParameters.RmsNorm.class),
        make(KernelParameters.ColumnSums.class),
        make(KernelParameters.SumOfSquares.class),
        make(KernelParameters.SumParts.class),
        make(KernelParameters.AdamW.class),
        make(KernelParameters.CrossEntropy.class));
  }

  /** An attention, for where its fields lie. */
  static Record attention() {
    return make(KernelParameters.Attention.class);
  }

  /** Every number 3. */
  private static <R extends Record> R make(Class<R> type) {
    RecordComponent[] components = type.getRecordComponents();
    var types = new Class<?>[components.length];
    var values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      types[i] = components[i].getType();
      values[i] = value(types[i]);
    }
    try {
      Constructor<R> constructor = type.getDeclaredConstructor(types);
      return constructor.newInstance(values);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(type + " is no record of numbers", e);
    }
  }

  private static Object value(Class<?> type) {
    if (type == int.class) {
      return 3;
    }
    if (type == long.class) {
      return 3L;
    }
    if (type == double.class) {
      return 3.0;
    }
    if (type == ImmutableLongArray.class) {
      return ImmutableLongArray.of(3, 3, 3, 3);
    }
    return make(type.asSubclass(Record.class));
  }

  /** A C++ compiler holds each offset, type and size against parameters.cuh. */
  @Test
  void javaAndCudaLayStructsOutAlike(@TempDir Path directory) throws Exception {
    String source = KernelSource.of("parameters.cuh").text();
    long declared = source.lines().filter(line -> line.startsWith("struct ")).count();
    assertEquals(declared, structs().size(), "structs of parameters.cuh");
    Files.writeString(directory.resolve("parameters.cuh"), source);
    var text =
        new StringBuilder(
            """
            #include "parameters.cuh"
            #include <cstddef>
            #include <type_traits>
            template <typename T> constexpr bool is(bool real, int bytes) {
              return std::is_floating_point_v<T> == real && sizeof(T) == bytes;
            }
            """);
    for (Record struct : structs()) {
      String name = struct.getClass().getSimpleName();
      String type = NAMES.getOrDefault(name, name + "Parameters");
      for (Field field : ParameterStruct.fields(struct)) {
        String path = inC(field.path());
        text.append(
            "static_assert(offsetof(%s, %s) == %d, \"offset\");\n"
                .formatted(type, path, field.offset()));
        boolean real = field.value() instanceof Double;
        int bytes = field.value() instanceof Integer ? 4 : 8;
        text.append(
            "static_assert(is<decltype(((%s*)0)->%s + 0)>(%s, %d), \"type\");\n"
                .formatted(type, path, real, bytes));
      }
      text.append(
          "static_assert(sizeof(%s) == %d, \"size\");\n"
              .formatted(type, ParameterStruct.pack(struct).length));
    }
    Files.writeString(directory.resolve("layout.cpp"), text);
    compile(directory);
  }

  private static String inC(String path) {
    return path.replaceAll(GROUPS, "").replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }

  private static void compile(Path directory) throws IOException, InterruptedException {
    Process process;
    try {
      process =
          new ProcessBuilder("g++", "-std=c++17", "-fsyntax-only", "layout.cpp")
              .directory(directory.toFile())
              .redirectErrorStream(true)
              .redirectOutput(new File(directory.toFile(), "log"))
              .start();
    } catch (IOException e) {
      Assumptions.abort("no g++ on PATH: parameters.cuh is not compared with Java");
      return;
    }
    int status = process.waitFor();
    String log = Files.readString(directory.resolve("log"));
    assertEquals(0, status, log);
    assertTrue(log.isEmpty(), log);
  }

  private record Inner(int one, double two) {}

  private record Outer(int first, Inner inner, ImmutableLongArray three, int last) {}

  @Test
  void packsNumbersWhereCWouldPutThem() {
    byte[] bytes =
        ParameterStruct.pack(new Outer(11, new Inner(12, 1.5), ImmutableLongArray.of(13, 14), 15));
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    assertEquals(48, bytes.length);
    assertEquals(11, buffer.getInt(0));
    assertEquals(12, buffer.getInt(8));
    assertEquals(1.5, buffer.getDouble(16));
    assertEquals(13, buffer.getLong(24));
    assertEquals(14, buffer.getLong(32));
    assertEquals(15, buffer.getInt(40));
  }
}
