package io.anchor4j.huggingface;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.dl4j.layer.FrozenWeights;
import io.anchor4j.dl4j.layer.LoraConfig;
import io.anchor4j.huggingface.DecoderTensors.Mapping;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.huggingface.safetensors.WholeFile;
import io.anchor4j.huggingface.safetensors.WholeFiles;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A model's directory of Hugging Face to a network, and a network to such a directory.
 *
 * <pre>{@code
 * HuggingFaceConfig config = HuggingFaceConfig.read(directory);
 * DecoderConfig decoder = config.toDecoderConfig();
 * ComputationGraph graph =
 *     HuggingFaceModel.load(directory, decoder.withAttention(
 *         decoder.attention().withMask(AttentionMask.ANCHOR)));
 * HuggingFaceModel.save(graph, config, copy);
 * }</pre>
 */
public final class HuggingFaceModel {
  /** The size at which transformers 5 starts a new file. */
  public static final long DEFAULT_SHARD_BYTES = 50_000_000_000L;

  private HuggingFaceModel() {}

  /**
   * Loads a model as its config.json describes it: causal attention over the full row, float32.
   *
   * @throws IllegalArgumentException if the directory holds no model that is supported, or its
   *     weights are not those that config.json describes; the message names the tensor, what is
   *     expected and what was found
   * @throws IOException if a file cannot be read
   */
  public static ComputationGraph load(Path directory) throws IOException {
    return load(directory, HuggingFaceConfig.read(directory).toDecoderConfig());
  }

  /**
   * Loads a model's weights into a network of the architecture given: that of its config.json, with
   * another mask, precision or rotary embedding where wanted. Weights of any floating type become
   * float32, one tensor at a time.
   *
   * @throws IllegalArgumentException as {@link #load(Path)}
   * @throws IOException if a file cannot be read
   */
  public static ComputationGraph load(Path directory, DecoderConfig decoder) throws IOException {
    return load(directory, decoder, held -> Decoder.uninitialised(decoder));
  }

  /** Loads a model as the frozen base of fresh adapters. */
  static ComputationGraph load(Path directory, DecoderConfig decoder, LoraConfig lora, long seed)
      throws IOException {
    return load(directory, decoder, held -> Decoder.create(decoder, lora, held, seed));
  }

  /**
   * Checks that a directory's weights are those of an architecture, without loading them: their
   * headers alone are read, and a tied matrix that is stored twice.
   *
   * @throws IllegalArgumentException as {@link #load(Path)}
   * @throws IOException if a file cannot be read
   */
  public static void check(Path directory, DecoderConfig decoder) throws IOException {
    try (var checkpoint = SafetensorsCheckpoint.open(directory)) {
      checked(directory, checkpoint, decoder);
    }
  }

  /** Returns where each tensor stands, all of them being as the decoder has them. */
  private static List<Mapping> checked(
      Path directory, SafetensorsCheckpoint checkpoint, DecoderConfig decoder) throws IOException {
    checkLayers(directory, checkpoint, decoder);
    List<Mapping> mappings = DecoderTensors.of(decoder);
    WeightsCheck.check(directory, checkpoint, mappings, decoder.tiedEmbeddings());
    return mappings;
  }

  private static ComputationGraph load(
      Path directory,
      DecoderConfig decoder,
      Function<Function<String, DataType>, ComputationGraph> network)
      throws IOException {
    try (var checkpoint = SafetensorsCheckpoint.open(directory)) {
      // Before anything is made: a wrong config.json must not ask for memory first.
      List<Mapping> mappings = checked(directory, checkpoint, decoder);
      ComputationGraph graph = network.apply(heldIn(checkpoint, mappings));
      FrozenWeights.allocate(graph);
      List<ParameterCopy> pieces = new ArrayList<>();
      for (Mapping mapping : mappings) {
        pieces.addAll(ParameterCopy.pieces(mapping, parameter(graph, mapping)));
      }
      readInOrder(checkpoint, pieces);
      return graph;
    }
  }

  /** One thread a processor, each taking the next piece: the disk sees one run through the file. */
  private static void readInOrder(SafetensorsCheckpoint checkpoint, List<ParameterCopy> pieces)
      throws IOException {
    var next = new AtomicInteger();
    try {
      IntStream.range(0, Runtime.getRuntime().availableProcessors())
          .parallel()
          .forEach(
              thread -> {
                for (int i = next.getAndIncrement();
                    i < pieces.size();
                    i = next.getAndIncrement()) {
                  try {
                    pieces.get(i).read(checkpoint.tensor(pieces.get(i).tensor()));
                  } catch (IOException e) {
                    throw new UncheckedIOException(e);
                  }
                }
              });
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** The type that holds the matrices of a layer, by its name, exactly. */
  private static Function<String, DataType> heldIn(
      SafetensorsCheckpoint checkpoint, List<Mapping> mappings) {
    Set<String> others =
        mappings.stream()
            .filter(mapping -> mapping.shape().size() == 2)
            .filter(mapping -> checkpoint.tensors().get(mapping.tensor()).type() != TensorType.BF16)
            .map(Mapping::layer)
            .collect(Collectors.toSet());
    return layer -> others.contains(layer) ? DataType.FLOAT : DataType.BFLOAT16;
  }

  /** Nine tensors a layer would be asked for: a wrong number of layers fills memory by itself. */
  private static void checkLayers(
      Path directory, SafetensorsCheckpoint checkpoint, DecoderConfig decoder) {
    int tensors = checkpoint.tensors().size();
    if (decoder.layers() > tensors) {
      throw new IllegalArgumentException(
          directory
              + ": config.json has num_hidden_layers "
              + decoder.layers()
              + ", but the weights are only "
              + tensors
              + " tensors");
    }
  }

  static INDArray parameter(ComputationGraph graph, Mapping mapping) {
    var layer = graph.getLayer(mapping.layer());
    INDArray parameter = layer == null ? null : layer.getParam(mapping.parameter());
    List<Long> shape = new ArrayList<>(mapping.shape());
    if (shape.size() == 1) {
      shape.add(0, 1L);
    } else if (mapping.transposed()) {
      shape = List.of(shape.get(1), shape.get(0));
    }
    List<Long> found = parameter == null ? null : Arrays.stream(parameter.shape()).boxed().toList();
    if (!shape.equals(found)) {
      throw new IllegalArgumentException(
          "parameter "
              + mapping.parameter()
              + " of layer "
              + mapping.layer()
              + ", for tensor "
              + mapping.tensor()
              + ": the configuration calls for the shape "
              + shape
              + ", the network has "
              + (found == null ? "none" : found.toString()));
    }
    return parameter;
  }

  /**
   * Saves a network in float32 with files of up to {@link #DEFAULT_SHARD_BYTES}.
   *
   * @throws IllegalArgumentException if the network is not of this configuration
   * @throws IOException if a file cannot be written
   */
  public static void save(ComputationGraph graph, HuggingFaceConfig config, Path directory)
      throws IOException {
    save(graph, config, directory, TensorType.F32, DEFAULT_SHARD_BYTES);
  }

  /**
   * Saves a network as a directory that transformers loads: config.json, weights,
   * generation_config.json. {@link Tokenizer#copyTo} adds the tokenizer. Equal parameters give
   * equal bytes, and a BF16 or F16 checkpoint that was loaded comes back bit for bit in its own
   * type. Adapters are merged into the weights they belong to.
   *
   * @param graph made by {@link Decoder} for this configuration
   * @param config what the weights are of, its rotary embedding being the network's
   * @param directory made if it does not exist
   * @param type of the weights: F32, F16 or BF16, rounded to nearest
   * @param maxShardBytes most bytes of weights in one file
   * @throws IllegalArgumentException if the network is not of this configuration, or the type is
   *     another
   * @throws IOException if a file cannot be written; then all files are as they were
   */
  public static void save(
      ComputationGraph graph,
      HuggingFaceConfig config,
      Path directory,
      TensorType type,
      long maxShardBytes)
      throws IOException {
    ObjectNode json = config.toJson(type);
    List<TensorSource> tensors = new ArrayList<>();
    for (Mapping mapping : DecoderTensors.of(config.toDecoderConfig())) {
      INDArray parameter = parameter(graph, mapping);
      tensors.add(
          new TensorSource(
              mapping.tensor(),
              type,
              mapping.shape(),
              sink -> {
                INDArray merged =
                    FrozenWeights.merged(graph.getLayer(mapping.layer()), mapping.parameter());
                for (ParameterCopy piece : ParameterCopy.pieces(mapping, merged)) {
                  piece.write(sink);
                }
                if (merged != parameter) {
                  merged.close();
                }
              }));
    }
    WholeFiles.write(
        directory,
        SafetensorsCheckpoint::isWeights,
        unfinished -> {
          SafetensorsCheckpoint.write(unfinished, tensors, maxShardBytes);
          WholeFile.write(
              unfinished.resolve(HuggingFaceConfig.GENERATION_FILE),
              bytes(config.generationJson()));
          WholeFile.write(unfinished.resolve(HuggingFaceConfig.FILE), bytes(json));
        });
  }

  private static byte[] bytes(ObjectNode json) throws JsonProcessingException {
    return JsonFields.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(json);
  }
}
