package io.anchor4j.huggingface;

import io.anchor4j.huggingface.DecoderTensors.Mapping;
import io.anchor4j.huggingface.safetensors.MappedTensor;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Compares the tensors of a checkpoint with those its config.json describes, all at once. */
final class WeightsCheck {
  static final Set<TensorType> READABLE =
      Set.of(TensorType.F32, TensorType.F16, TensorType.BF16, TensorType.F64);

  static final String UNSUPPORTED = "of a type that is not supported (F32, F16, BF16 and F64 are)";

  /** How many names a message has for each fault; more than any two models need, once folded. */
  private static final int SHOWN = 50;

  private static final int COMPARED_AT_ONCE = 1 << 16;

  private WeightsCheck() {}

  /**
   * Checks names, shapes and types.
   *
   * @param tied whether the output uses the embedding's matrix, which may be stored twice then
   * @throws IllegalArgumentException if tensors are missing, surplus, of another shape or of a type
   *     that is not read; one message names them all, layers folded into runs, but for what is over
   *     50 names of a fault
   * @throws IOException if a file cannot be read
   */
  static void check(
      Path directory, SafetensorsCheckpoint checkpoint, List<Mapping> mappings, boolean tied)
      throws IOException {
    Map<String, TensorInfo> tensors = checkpoint.tensors();
    Map<String, List<Long>> shapes =
        mappings.stream().collect(Collectors.toMap(Mapping::tensor, Mapping::shape));
    boolean storedTwice = tied && tensors.containsKey(DecoderTensors.OUTPUT);
    if (storedTwice) {
      shapes.put(DecoderTensors.OUTPUT, shapes.get(DecoderTensors.EMBEDDING));
    }
    List<TensorInfo> known = tensors.values().stream().filter(t -> has(shapes, t)).toList();
    List<String> faults = new ArrayList<>();
    add(
        faults,
        "missing",
        mappings.stream().map(Mapping::tensor).filter(name -> !tensors.containsKey(name)).toList(),
        Function.identity());
    add(
        faults,
        "not of this model",
        tensors.values().stream()
            .filter(t -> !has(shapes, t) && !DecoderTensors.isBuffer(t.name()))
            .toList(),
        WeightsCheck::name);
    add(
        faults,
        "of another shape",
        known.stream().filter(t -> !t.shape().equals(shapes.get(t.name()))).toList(),
        t -> name(t) + " " + t.shape() + " instead of " + shapes.get(t.name()));
    add(
        faults,
        UNSUPPORTED,
        known.stream().filter(t -> !READABLE.contains(t.type())).toList(),
        t -> name(t) + " " + t.type());
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException(
          directory + ": the weights are not those of config.json: " + String.join("; ", faults));
    }
    if (storedTwice) {
      requireEqual(directory, checkpoint);
    }
  }

  private static boolean has(Map<String, List<Long>> shapes, TensorInfo tensor) {
    return shapes.containsKey(tensor.name());
  }

  private static String name(TensorInfo tensor) {
    return SafetensorsException.printable(tensor.name());
  }

  /** Adds a fault, if any tensor has it, with the names of those that have. */
  static <T> void add(
      List<String> faults, String fault, List<T> tensors, Function<T, String> shown) {
    if (!tensors.isEmpty()) {
      List<String> names = FoldedNames.of(tensors.stream().map(shown).toList());
      int more = names.size() - SHOWN;
      faults.add(
          fault
              + ": "
              + String.join(", ", names.subList(0, Math.min(SHOWN, names.size())))
              + (more > 0 ? " and " + more + " more" : ""));
    }
  }

  /** A tied model may store its one matrix under both names, but not two different ones. */
  private static void requireEqual(Path directory, SafetensorsCheckpoint checkpoint)
      throws IOException {
    MappedTensor embedding = checkpoint.tensor(DecoderTensors.EMBEDDING);
    MappedTensor output = checkpoint.tensor(DecoderTensors.OUTPUT);
    float[] one = new float[COMPARED_AT_ONCE];
    float[] other = new float[COMPARED_AT_ONCE];
    long elements = embedding.info().elements();
    for (long first = 0; first < elements; first += COMPARED_AT_ONCE) {
      int count = (int) Math.min(COMPARED_AT_ONCE, elements - first);
      embedding.readFloats(first, one, 0, count);
      output.readFloats(first, other, 0, count);
      if (!Arrays.equals(one, 0, count, other, 0, count)) {
        throw new IllegalArgumentException(
            directory
                + ": config.json ties the output to the embedding, but the weights hold "
                + DecoderTensors.OUTPUT
                + ", which differs from "
                + DecoderTensors.EMBEDDING
                + "; set tie_word_embeddings to false");
      }
    }
  }
}
