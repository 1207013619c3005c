package io.anchor4j.huggingface;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.LlamaWeights.Mapping;
import io.anchor4j.huggingface.safetensors.MappedTensor;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.huggingface.safetensors.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.graph.ComputationGraph;
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

  private static final Set<TensorType> READABLE =
      Set.of(TensorType.F32, TensorType.F16, TensorType.BF16, TensorType.F64);

  /** How many names of tensors a message lists. */
  private static final int NAMES_SHOWN = 3;

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
    try (var checkpoint = SafetensorsCheckpoint.open(directory)) {
      // Before anything is made: a wrong config.json must not ask for memory first.
      checkLayers(directory, checkpoint, decoder);
      List<Mapping> mappings = LlamaWeights.of(decoder);
      check(directory, checkpoint, mappings, decoder);
      ComputationGraph graph = Decoder.uninitialised(decoder);
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

  private static void check(
      Path directory,
      SafetensorsCheckpoint checkpoint,
      List<Mapping> mappings,
      DecoderConfig decoder)
      throws IOException {
    var tensors = checkpoint.tensors();
    var expected = mappings.stream().map(Mapping::tensor).collect(Collectors.toSet());
    List<String> missing =
        mappings.stream().map(Mapping::tensor).filter(name -> !tensors.containsKey(name)).toList();
    if (!missing.isEmpty()) {
      throw new IllegalArgumentException(
          directory
              + ": the weights lack "
              + names(missing)
              + ", which config.json calls for; found are "
              + names(List.copyOf(tensors.keySet())));
    }
    boolean storedTwice = decoder.tiedEmbeddings() && tensors.containsKey(LlamaWeights.OUTPUT);
    List<String> unexpected =
        tensors.keySet().stream()
            .filter(name -> !expected.contains(name) && !LlamaWeights.isBuffer(name))
            .filter(name -> !(storedTwice && name.equals(LlamaWeights.OUTPUT)))
            .toList();
    if (!unexpected.isEmpty()) {
      throw new IllegalArgumentException(
          directory
              + ": the weights hold "
              + names(unexpected)
              + ", which a model of this config.json does not have");
    }
    for (Mapping mapping : mappings) {
      checkShapeAndType(directory, tensors.get(mapping.tensor()), mapping.shape());
    }
    if (storedTwice) {
      requireEqual(directory, checkpoint, LlamaWeights.EMBEDDING, LlamaWeights.OUTPUT);
    }
  }

  private static void checkShapeAndType(Path directory, TensorInfo found, List<Long> shape) {
    if (!found.shape().equals(shape)) {
      throw new IllegalArgumentException(
          directory
              + ": tensor "
              + found.name()
              + ": config.json calls for the shape "
              + shape
              + ", found "
              + found.shape());
    }
    if (!READABLE.contains(found.type())) {
      throw new IllegalArgumentException(
          directory
              + ": tensor "
              + found.name()
              + ": expected one of F32, F16, BF16, F64, found "
              + found.type()
              + "; quantized weights are not supported");
    }
  }

  /** A tied model may store its one matrix under both names, but not two different ones. */
  private static void requireEqual(
      Path directory, SafetensorsCheckpoint checkpoint, String one, String other)
      throws IOException {
    MappedTensor a = checkpoint.tensor(one);
    MappedTensor b = checkpoint.tensor(other);
    boolean equal = a.info().shape().equals(b.info().shape());
    int columns = Math.toIntExact(a.info().shape().get(1));
    float[] rowA = new float[columns];
    float[] rowB = new float[columns];
    for (long first = 0; equal && first < a.info().elements(); first += columns) {
      a.readFloats(first, rowA, 0, columns);
      b.readFloats(first, rowB, 0, columns);
      equal = Arrays.equals(rowA, rowB);
    }
    if (!equal) {
      throw new IllegalArgumentException(
          directory
              + ": config.json ties the output to the embedding, but the weights hold "
              + other
              + ", which differs from "
              + one
              + "; set tie_word_embeddings to false");
    }
  }

  private static String names(List<String> tensors) {
    String shown = tensors.stream().limit(NAMES_SHOWN).collect(Collectors.joining(", "));
    int more = tensors.size() - NAMES_SHOWN;
    return more > 0 ? shown + " and " + more + " more" : shown;
  }

  private static INDArray parameter(ComputationGraph graph, Mapping mapping) {
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
   * generation_config.json. {@link Tokenizer#copyTo} adds the tokenizer.
   *
   * @param graph made by {@link Decoder} for this configuration
   * @param config what the weights are of, its rotary embedding being the network's
   * @param directory made if it does not exist
   * @param type of the weights: F32, F16 or BF16, rounded to nearest
   * @param maxShardBytes most bytes of weights in one file
   * @throws IllegalArgumentException if the network is not of this configuration, or the type is
   *     another
   * @throws IOException if a file cannot be written
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
    for (Mapping mapping : LlamaWeights.of(config.toDecoderConfig())) {
      List<ParameterCopy> pieces = ParameterCopy.pieces(mapping, parameter(graph, mapping));
      tensors.add(
          new TensorSource(
              mapping.tensor(),
              type,
              mapping.shape(),
              sink -> {
                for (ParameterCopy piece : pieces) {
                  piece.write(sink);
                }
              }));
    }
    Files.createDirectories(directory);
    SafetensorsCheckpoint.write(directory, tensors, maxShardBytes);
    WholeFile.write(directory.resolve("generation_config.json"), bytes(config.generationJson()));
    WholeFile.write(directory.resolve(HuggingFaceConfig.FILE), bytes(json));
  }

  private static byte[] bytes(ObjectNode json) throws JsonProcessingException {
    return JsonFields.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(json);
  }
}
