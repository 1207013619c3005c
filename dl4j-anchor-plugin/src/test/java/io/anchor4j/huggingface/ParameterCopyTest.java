package io.anchor4j.huggingface;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.huggingface.DecoderTensors.Mapping;
import io.anchor4j.huggingface.safetensors.SafetensorsFile;
import io.anchor4j.huggingface.safetensors.SafetensorsWriter;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class ParameterCopyTest {
  @TempDir Path directory;

  /** A tile is 128 by 32; the sizes with more than 2^20 elements take several pieces. */
  @ParameterizedTest(name = "[{0}, {1}] transposed {2}, at offset {3}")
  @CsvSource({
    "3, 5, true, 0",
    "3, 5, true, 7",
    "3, 5, false, 7",
    "0, 5, false, 3",
    "1, 1, true, 2",
    "1500, 1001, true, 11",
    "1500, 1001, false, 11",
    "128, 32, true, 0",
    "129, 33, true, 5",
    "2, 1048577, true, 0",
    "1, 2000, true, 1"
  })
  void aTensorGoesIntoAPartOfAFlatVectorAndBack(
      long rows, long columns, boolean transposed, long offset) throws IOException {
    List<Long> shape = rows == 0 ? List.of(columns) : List.of(rows, columns);
    int count = (int) (Math.max(1, rows) * columns);
    var random = new Random(5);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat();
    }
    Path file = directory.resolve("one.safetensors");
    SafetensorsWriter.write(
        file, Map.of(), List.of(TensorSource.ofFloats("t", TensorType.F32, shape, values)));

    INDArray flat = Nd4j.valueArrayOf(new long[] {1, offset + count + 4}, -1, DataType.FLOAT);
    INDArray part = flat.get(NDArrayIndex.point(0), NDArrayIndex.interval(offset, offset + count));
    INDArray parameter =
        transposed
            ? part.reshape('c', columns, rows)
            : part.reshape('c', Math.max(1, rows), columns);
    var mapping = new Mapping("t", "layer", "W", transposed, shape);
    try (var opened = SafetensorsFile.open(file)) {
      for (ParameterCopy piece : ParameterCopy.pieces(mapping, parameter)) {
        piece.read(opened.tensor("t"));
      }
    }

    float[] all = flat.data().asFloat();
    for (int i = 0; i < all.length; i++) {
      boolean inside = i >= offset && i < offset + count;
      int element = (int) (i - offset);
      float expected =
          !inside
              ? -1
              : transposed
                  ? values[(int) (element % rows * columns + element / rows)]
                  : values[element];
      assertEquals(expected, all[i], "flat " + i);
    }

    Path copy = directory.resolve("copy.safetensors");
    SafetensorsWriter.write(
        copy,
        Map.of(),
        List.of(
            new TensorSource(
                "t",
                TensorType.F32,
                shape,
                sink -> {
                  for (ParameterCopy piece : ParameterCopy.pieces(mapping, parameter)) {
                    piece.write(sink);
                  }
                })));
    try (var opened = SafetensorsFile.open(copy)) {
      float[] back = new float[count];
      opened.tensor("t").readFloats(0, back, 0, count);
      for (int i = 0; i < count; i++) {
        assertEquals(values[i], back[i], "element " + i);
      }
    }
  }

  @Test
  void aParameterOfAnotherTypeOrOrderIsRefused() {
    var mapping = new Mapping("t", "layer", "W", false, List.of(2L, 3L));
    for (INDArray wrong :
        List.of(
            Nd4j.zeros(DataType.DOUBLE, 2, 3), Nd4j.zeros(DataType.FLOAT, 3, 2).permute(1, 0))) {
      var e =
          assertThrows(IllegalArgumentException.class, () -> ParameterCopy.pieces(mapping, wrong));
      assertTrue(
          e.getMessage().contains("expected FLOAT or BFLOAT16 in row-major order"), e.getMessage());
    }
  }
}
