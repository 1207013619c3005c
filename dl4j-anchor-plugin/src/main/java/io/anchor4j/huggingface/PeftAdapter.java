package io.anchor4j.huggingface;

import com.google.common.collect.Sets;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.DecoderTensors.Mapping;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import io.anchor4j.huggingface.safetensors.SafetensorsFile;
import io.anchor4j.huggingface.safetensors.SafetensorsWriter;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.huggingface.safetensors.WholeFile;
import io.anchor4j.huggingface.safetensors.WholeFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.graph.ComputationGraph;

/**
 * Low-rank adapters (LoRA) on a frozen model, in the format of PEFT: adapter_config.json and
 * adapter_model.safetensors.
 *
 * <pre>{@code
 * DecoderConfig decoder = HuggingFaceConfig.read(base).toDecoderConfig();
 * var targets = PeftTargets.of(List.of("q_proj", "v_proj"));
 * var peft = new PeftConfig(16, 32, false, 0.0, targets, base.toString());
 * ComputationGraph graph = PeftAdapter.create(base, decoder, peft, 7);
 * // train the graph: its parameters are those of the adapters
 * PeftAdapter.save(graph, decoder, peft, adapter);
 * HuggingFaceConfig trained = PeftAdapter.modelConfig(base, adapter);
 * ComputationGraph again = PeftAdapter.load(base, trained.toDecoderConfig(), adapter);
 * HuggingFaceModel.save(again, trained, merged); // an ordinary model
 * }</pre>
 *
 * <p>The base is held as its files have it: a layer in BFLOAT16 where all its matrices are BF16,
 * otherwise in FLOAT.
 */
public final class PeftAdapter {
  /** The name of the file of weights. */
  public static final String WEIGHTS = "adapter_model.safetensors";

  private static final Map<String, String> METADATA = Map.of("format", "pt");

  private PeftAdapter() {}

  /**
   * Loads a model as a frozen base with fresh adapters, which change nothing before they are
   * trained.
   *
   * @param base a Hugging Face directory
   * @param decoder its architecture, with another mask or precision where wanted
   * @param seed equal seeds give equal adapters
   * @throws IllegalArgumentException as {@link HuggingFaceModel#load}, or if a target is no linear
   *     map that can have an adapter
   * @throws IOException if a file cannot be read
   */
  public static ComputationGraph create(
      Path base, DecoderConfig decoder, PeftConfig config, long seed) throws IOException {
    return HuggingFaceModel.load(base, decoder, config.toLoraConfig(decoder), seed);
  }

  /**
   * Returns the configuration that an adapter was trained under: the config.json beside it, as a
   * run with another rotary embedding leaves it, otherwise the base's.
   *
   * @throws IllegalArgumentException as {@link HuggingFaceConfig#read}
   * @throws IOException if a file cannot be read
   */
  public static HuggingFaceConfig modelConfig(Path base, Path adapter) throws IOException {
    Path own = adapter.resolve(HuggingFaceConfig.FILE);
    return Files.isRegularFile(own)
        ? HuggingFaceConfig.read(own, base.resolve(HuggingFaceConfig.GENERATION_FILE))
        : HuggingFaceConfig.read(base);
  }

  /**
   * Loads a model as a frozen base with the adapters of a directory, which may be trained further.
   *
   * @param decoder that of {@link #modelConfig}
   * @throws IllegalArgumentException as {@link #create}, or if the adapter is not of this model or
   *     not supported; the message names the first tensors that are missing, surplus or of another
   *     shape
   * @throws IOException if a file cannot be read
   */
  public static ComputationGraph load(Path base, DecoderConfig decoder, Path adapter)
      throws IOException {
    PeftConfig config = PeftConfig.read(adapter);
    String source = adapter.resolve(PeftConfig.FILE) + ": " + PeftConfig.TARGETS;
    List<Mapping> tensors = config.tensors(decoder, source);
    if (!Files.exists(adapter.resolve(WEIGHTS))) {
      throw new IllegalArgumentException(
          "%s: there is no %s; of adapter_model.bin, save the adapter again with safetensors"
              .formatted(adapter, WEIGHTS));
    }
    try (SafetensorsFile file = SafetensorsFile.open(adapter.resolve(WEIGHTS))) {
      check(file, tensors);
      ComputationGraph graph =
          HuggingFaceModel.load(base, decoder, config.toLoraConfig(decoder, source), /* seed= */ 0);
      for (Mapping mapping : tensors) {
        for (ParameterCopy piece :
            ParameterCopy.pieces(mapping, HuggingFaceModel.parameter(graph, mapping))) {
          piece.read(file.tensor(mapping.tensor()));
        }
      }
      return graph;
    }
  }

  /** Names what is wrong at once, as far as a line holds it. */
  private static void check(SafetensorsFile file, List<Mapping> tensors) {
    Map<String, TensorInfo> found =
        file.tensors().stream().collect(Collectors.toMap(TensorInfo::name, Function.identity()));
    Set<String> expected = tensors.stream().map(Mapping::tensor).collect(Collectors.toSet());
    List<String> faults = new ArrayList<>();
    List<Mapping> known = tensors.stream().filter(m -> found.containsKey(m.tensor())).toList();
    WeightsCheck.add(
        faults,
        "missing",
        tensors.stream().filter(m -> !found.containsKey(m.tensor())).toList(),
        Mapping::tensor);
    WeightsCheck.add(
        faults,
        "not called for by " + PeftConfig.FILE,
        Sets.difference(found.keySet(), expected).stream().sorted().toList(),
        SafetensorsException::printable);
    WeightsCheck.add(
        faults,
        "of another shape",
        known.stream().filter(m -> !found.get(m.tensor()).shape().equals(m.shape())).toList(),
        m -> {
          String shape = SafetensorsException.printable(found.get(m.tensor()).shape().toString());
          return m.tensor() + " " + shape + " instead of " + m.shape();
        });
    WeightsCheck.add(
        faults,
        WeightsCheck.UNSUPPORTED,
        known.stream()
            .map(m -> found.get(m.tensor()))
            .filter(info -> !WeightsCheck.READABLE.contains(info.type()))
            .toList(),
        info -> info.name() + " " + info.type());
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException(file.path() + ": " + String.join("; ", faults));
    }
  }

  /**
   * Writes the adapters of a network, in float32.
   *
   * @param graph made by {@link #create} or {@link #load} with this configuration
   * @param adapter a directory, made if it does not exist
   * @throws IllegalArgumentException if the network has not these adapters
   * @throws IOException if a file cannot be written; then all files are as they were
   */
  public static void save(
      ComputationGraph graph, DecoderConfig decoder, PeftConfig config, Path adapter)
      throws IOException {
    List<TensorSource> tensors = new ArrayList<>();
    for (Mapping mapping : config.tensors(decoder, PeftConfig.TARGETS)) {
      List<ParameterCopy> pieces =
          ParameterCopy.pieces(mapping, HuggingFaceModel.parameter(graph, mapping));
      tensors.add(
          new TensorSource(
              mapping.tensor(),
              TensorType.F32,
              mapping.shape(),
              sink -> {
                for (ParameterCopy piece : pieces) {
                  piece.write(sink);
                }
              }));
    }
    byte[] json =
        JsonFields.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(config.toJson());
    WholeFiles.write(
        adapter,
        name -> false,
        unfinished -> {
          SafetensorsWriter.write(unfinished.resolve(WEIGHTS), METADATA, tensors);
          WholeFile.write(unfinished.resolve(PeftConfig.FILE), json);
        });
  }
}
