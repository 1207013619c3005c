package io.anchor4j.training;

import io.anchor4j.huggingface.safetensors.MappedTensor;
import io.anchor4j.huggingface.safetensors.SafetensorsFile;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Where each parameter of a network lies in its flat vector, so that a vector of that length
 * (weights, a moment) can be kept as named tensors in the network's own orientation.
 */
final class ParameterLayout {
  /** Values copied at once: 4 MiB. */
  private static final int CHUNK = 1 << 20;

  private final List<Slice> slices;
  private final long length;

  /**
   * A parameter.
   *
   * @param name layer and key, as in {@code layer-0-query.W}
   * @param offset place of its first value in the flat vector
   */
  private record Slice(String name, List<Long> shape, long offset, long length) {}

  private ParameterLayout(List<Slice> slices, long length) {
    this.slices = slices;
    this.length = length;
  }

  /**
   * Returns the layout of a network.
   *
   * @throws IllegalStateException if its parameters do not fill its flat vector, each in row-major
   *     order
   */
  static ParameterLayout of(ComputationGraph graph) {
    INDArray flat = graph.params();
    List<Slice> slices = new ArrayList<>();
    for (Layer layer : graph.getLayers()) {
      String layerName = layer.conf().getLayer().getLayerName();
      for (Map.Entry<String, INDArray> entry : layer.paramTable().entrySet()) {
        INDArray parameter = entry.getValue();
        String name = layerName + "." + entry.getKey();
        if (!isRowMajor(parameter)) {
          throw new IllegalStateException("parameter " + name + " is not in row-major order");
        }
        slices.add(
            new Slice(
                name,
                LongStream.of(parameter.shape()).boxed().toList(),
                parameter.offset() - flat.offset(),
                parameter.length()));
      }
    }
    slices.sort(Comparator.comparingLong(Slice::offset));
    long end = 0;
    for (Slice slice : slices) {
      if (slice.offset() != end) {
        throw new IllegalStateException(
            "parameter %s begins at %d of the flat vector, expected %d"
                .formatted(slice.name(), slice.offset(), end));
      }
      end += slice.length();
    }
    if (end != flat.length()) {
      throw new IllegalStateException(
          "the parameters have %d values, the flat vector %d".formatted(end, flat.length()));
    }
    return new ParameterLayout(List.copyOf(slices), end);
  }

  private static boolean isRowMajor(INDArray array) {
    long stride = 1;
    for (int i = array.rank() - 1; i >= 0; i--) {
      if (array.size(i) != 1 && array.stride(i) != stride) {
        return false;
      }
      stride *= array.size(i);
    }
    return true;
  }

  /** Returns the number of values of the flat vector. */
  long length() {
    return length;
  }

  /**
   * Returns the tensors of a flat vector, to be written while it does not change.
   *
   * @param prefix put before every name
   */
  List<TensorSource> tensors(String prefix, INDArray flat) {
    return slices.stream()
        .map(
            slice ->
                new TensorSource(
                    prefix + slice.name(),
                    TensorType.F32,
                    slice.shape(),
                    sink -> {
                      for (long at = 0; at < slice.length(); at += CHUNK) {
                        try (INDArray copy = part(flat, slice, at).dup()) {
                          float[] values = copy.data().asFloat();
                          sink.writeFloats(values, 0, values.length);
                        }
                      }
                    }))
        .toList();
  }

  /**
   * Fills a flat vector from the tensors of a file.
   *
   * @throws IllegalArgumentException if a tensor is missing, there is one too many, or one has
   *     another type or shape
   * @throws IOException if the file cannot be read
   */
  void read(SafetensorsFile file, String prefix, INDArray flat) throws IOException {
    for (Slice slice : slices) {
      MappedTensor tensor = file.tensor(prefix + slice.name());
      TensorInfo info = tensor.info();
      if (info.type() != TensorType.F32 || !info.shape().equals(slice.shape())) {
        throw new IllegalArgumentException(
            "%s: tensor \"%s\" is %s %s, the network has F32 %s"
                .formatted(file.path(), info.name(), info.type(), info.shape(), slice.shape()));
      }
      for (long at = 0; at < slice.length(); at += CHUNK) {
        float[] values = new float[(int) Math.min(CHUNK, slice.length() - at)];
        tensor.readFloats(at, values, 0, values.length);
        try (INDArray copy = Nd4j.createFromArray(values)) {
          part(flat, slice, at).assign(copy);
        }
      }
    }
  }

  /**
   * Checks that a file holds nothing but vectors of this layout.
   *
   * @throws IllegalArgumentException if there is a tensor that is of no such vector
   */
  void refuseOthers(SafetensorsFile file, Collection<String> prefixes) {
    Set<String> expected =
        prefixes.stream()
            .flatMap(prefix -> slices.stream().map(slice -> prefix + slice.name()))
            .collect(Collectors.toSet());
    for (TensorInfo info : file.tensors()) {
      if (!expected.contains(info.name())) {
        throw new IllegalArgumentException(
            file.path() + ": tensor \"" + info.name() + "\" is not of this network");
      }
    }
  }

  /** At most {@link #CHUNK} values of a slice; the vector is no view, so get() is safe on it. */
  private static INDArray part(INDArray flat, Slice slice, long at) {
    long begin = slice.offset() + at;
    long end = Math.min(slice.offset() + slice.length(), begin + CHUNK);
    return flat.get(NDArrayIndex.interval(begin, end));
  }
}
