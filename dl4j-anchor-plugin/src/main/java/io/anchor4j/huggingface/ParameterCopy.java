package io.anchor4j.huggingface;

import io.anchor4j.huggingface.safetensors.MappedTensor;
import io.anchor4j.huggingface.safetensors.TensorSink;
import java.io.IOException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Copies between a tensor in a file and a parameter of a network, transposed or not, a few rows of
 * the tensor at a time: no second copy of a parameter is ever in memory. Each block is closed,
 * since the collector, which sees none of its bytes, would let them pile up.
 */
final class ParameterCopy {
  /** 4 MiB of floats. */
  private static final int BLOCK_ELEMENTS = 1 << 20;

  private ParameterCopy() {}

  /**
   * Reads all of {@code tensor}, of the shape that {@code mapping} says, into {@code parameter}.
   */
  static void read(MappedTensor tensor, LlamaWeights.Mapping mapping, INDArray parameter)
      throws IOException {
    eachBlock(
        mapping,
        parameter,
        (first, rows, columns, view) -> {
          float[] values = new float[rows * columns];
          tensor.readFloats(first * columns, values, 0, values.length);
          try (INDArray copy = Nd4j.create(values, new long[] {rows, columns}, 'c')) {
            view.assign(copy);
          }
        });
  }

  /** Writes all of {@code parameter} to {@code sink}, as the tensor of {@code mapping}. */
  static void write(INDArray parameter, LlamaWeights.Mapping mapping, TensorSink sink)
      throws IOException {
    eachBlock(
        mapping,
        parameter,
        (first, rows, columns, view) -> {
          try (INDArray copy =
              Nd4j.createUninitialized(DataType.FLOAT, new long[] {rows, columns}, 'c')) {
            float[] values = copy.assign(view).data().asFloat();
            sink.writeFloats(values, 0, values.length);
          }
        });
  }

  /**
   * Takes rows {@code first} to {@code first + rows - 1} of the tensor, as a view of a parameter.
   */
  private interface Block {
    void take(long first, int rows, int columns, INDArray view) throws IOException;
  }

  private static void eachBlock(LlamaWeights.Mapping mapping, INDArray parameter, Block block)
      throws IOException {
    // A vector is one row: [1, n] in the network, [n] in the file.
    boolean matrix = mapping.shape().size() == 2;
    long allRows = matrix ? mapping.shape().get(0) : 1;
    int columns = Math.toIntExact(mapping.shape().get(matrix ? 1 : 0));
    INDArray tensorView = mapping.transposed() ? parameter.permute(1, 0) : parameter;
    int most = Math.max(1, BLOCK_ELEMENTS / columns);
    for (long first = 0; first < allRows; first += most) {
      int rows = (int) Math.min(most, allRows - first);
      block.take(first, rows, columns, rows(tensorView, first, rows));
    }
  }

  /** INDArray.get on a view can silently give an empty array in M2.1, so not that. */
  private static INDArray rows(INDArray matrix, long first, int rows) {
    return Nd4j.create(
        matrix.data(),
        new long[] {rows, matrix.size(1)},
        matrix.stride(),
        matrix.offset() + first * matrix.stride(0),
        'c');
  }
}
