package io.anchor4j.huggingface;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.huggingface.DecoderTensors.Mapping;
import io.anchor4j.huggingface.safetensors.MappedTensor;
import io.anchor4j.huggingface.safetensors.TensorSink;
import io.anchor4j.huggingface.safetensors.TensorWindow;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Copies some rows of a tensor in a file to or from a parameter of a network, which may be the
 * tensor's transpose. The memory it takes does not depend on the parameter's size.
 *
 * <p>By ND4J's assign an element of bfloat16 took 20 ns on one thread; by tiles it takes 4 on each.
 */
final class ParameterCopy {
  /** Most elements of one piece: 2 MiB of bfloat16, about a level 2 cache. */
  private static final int PIECE_ELEMENTS = 1 << 20;

  /**
   * A tile of floats is 16 KiB, half a level 1 cache; each of its columns is 512 bytes in a row.
   */
  private static final int TILE_ROWS = 128;

  private static final int TILE_COLUMNS = 32;

  private final Mapping mapping;
  private final INDArray parameter;
  private final long firstRow;
  private final int rows;
  private final int columns;

  private ParameterCopy(Mapping mapping, INDArray parameter, long firstRow, int rows, int columns) {
    this.mapping = mapping;
    this.parameter = parameter;
    this.firstRow = firstRow;
    this.rows = rows;
    this.columns = columns;
  }

  /**
   * Returns the pieces of a tensor, in the order of its rows.
   *
   * @param parameter of the shape that {@code mapping} says, FLOAT, or to be read into, BFLOAT16
   * @throws IllegalArgumentException if it is of another type or not in row-major order
   */
  static List<ParameterCopy> pieces(Mapping mapping, INDArray parameter) {
    checkArgument(
        (parameter.dataType() == DataType.FLOAT || parameter.dataType() == DataType.BFLOAT16)
            && parameter.ordering() == 'c'
            && parameter.elementWiseStride() == 1,
        "parameter %s of layer %s: expected FLOAT or BFLOAT16 in row-major order, got %s in order"
            + " %s",
        mapping.parameter(),
        mapping.layer(),
        parameter.dataType(),
        parameter.ordering());
    // A vector is one row: [1, n] in the network, [n] in the file.
    boolean matrix = mapping.shape().size() == 2;
    long allRows = matrix ? mapping.shape().get(0) : 1;
    int columns = Math.toIntExact(mapping.shape().get(matrix ? 1 : 0));
    int most = Math.max(1, PIECE_ELEMENTS / columns);
    List<ParameterCopy> pieces = new ArrayList<>();
    for (long first = 0; first < allRows; first += most) {
      int rows = (int) Math.min(most, allRows - first);
      pieces.add(new ParameterCopy(mapping, parameter, first, rows, columns));
    }
    return pieces;
  }

  /** Returns the tensor that this is a piece of. */
  String tensor() {
    return mapping.tensor();
  }

  /** Reads these rows of {@code tensor} into the parameter. */
  void read(MappedTensor tensor) throws IOException {
    try (TensorWindow window = tensor.window(firstRow * columns, rows * columns)) {
      if (mapping.transposed()) {
        readTransposed(window);
      } else {
        float[] values = new float[TILE_ROWS * TILE_COLUMNS];
        var target = new WeightMemory(parameter, firstRow * columns, rows * columns);
        for (int at = 0; at < rows * columns; at += values.length) {
          int count = Math.min(values.length, rows * columns - at);
          window.readFloats(at, values, 0, count);
          target.put(at, values, 0, count);
        }
      }
    }
  }

  private void readTransposed(TensorWindow window) {
    float[] line = new float[TILE_COLUMNS];
    float[] tile = new float[TILE_ROWS * TILE_COLUMNS];
    int stride = Math.toIntExact(mapping.shape().get(0));
    for (int column = 0; column < columns; column += TILE_COLUMNS) {
      int width = Math.min(TILE_COLUMNS, columns - column);
      var target = new WeightMemory(parameter, (long) column * stride, width * stride);
      for (int row = 0; row < rows; row += TILE_ROWS) {
        int height = Math.min(TILE_ROWS, rows - row);
        for (int r = 0; r < height; r++) {
          window.readFloats((row + r) * columns + column, line, 0, width);
          for (int c = 0; c < width; c++) {
            tile[c * TILE_ROWS + r] = line[c];
          }
        }
        for (int c = 0; c < width; c++) {
          target.put(c * stride + (int) firstRow + row, tile, c * TILE_ROWS, height);
        }
      }
    }
  }

  /** Writes these rows of the tensor, from the parameter. */
  void write(TensorSink sink) throws IOException {
    float[] values = new float[rows * columns];
    if (mapping.transposed()) {
      transpose(values);
    } else {
      floats(firstRow * columns, values.length).get(values);
    }
    sink.writeFloats(values, 0, values.length);
  }

  private void transpose(float[] values) {
    float[] tile = new float[TILE_ROWS * TILE_COLUMNS];
    int stride = Math.toIntExact(mapping.shape().get(0));
    for (int column = 0; column < columns; column += TILE_COLUMNS) {
      int width = Math.min(TILE_COLUMNS, columns - column);
      FloatBuffer source = floats((long) column * stride, width * stride);
      for (int row = 0; row < rows; row += TILE_ROWS) {
        int height = Math.min(TILE_ROWS, rows - row);
        for (int c = 0; c < width; c++) {
          source.get(c * stride + (int) firstRow + row, tile, c * TILE_ROWS, height);
        }
        for (int r = 0; r < height; r++) {
          for (int c = 0; c < width; c++) {
            values[(row + r) * columns + column + c] = tile[c * TILE_ROWS + r];
          }
        }
      }
    }
  }

  /** The parameter's memory. A buffer has at most 2 GiB, and begins where position is 0. */
  private FloatBuffer floats(long first, int count) {
    return new FloatPointer(parameter.data().pointer())
        .getPointer(parameter.offset() + first)
        .limit(count)
        .asBuffer();
  }
}
