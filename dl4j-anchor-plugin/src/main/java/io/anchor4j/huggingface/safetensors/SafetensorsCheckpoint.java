package io.anchor4j.huggingface.safetensors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The weights of a model's directory: {@code model.safetensors}, or several such files (shards)
 * that {@code model.safetensors.index.json} lists.
 */
public final class SafetensorsCheckpoint implements Closeable {
  static final String SINGLE_FILE = "model.safetensors";
  static final String INDEX_FILE = "model.safetensors.index.json";

  private static final Map<String, String> METADATA = Map.of("format", "pt");
  private static final Pattern WEIGHT_FILE =
      Pattern.compile("model(-\\d{5}-of-\\d{5})?\\.safetensors|" + Pattern.quote(INDEX_FILE));
  private static final Pattern SHARD_NAME = Pattern.compile("[\\w][\\w.\\-]*\\.safetensors");

  /** How many missing files a message names: an index may name any number. */
  private static final int SHOWN = 50;

  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final List<SafetensorsFile> files;
  private final Map<String, SafetensorsFile> fileOf;
  private final Map<String, TensorInfo> tensors;

  private SafetensorsCheckpoint(List<SafetensorsFile> files) {
    this.files = files;
    Map<String, SafetensorsFile> holders = new LinkedHashMap<>();
    Map<String, TensorInfo> infos = new LinkedHashMap<>();
    for (SafetensorsFile file : files) {
      for (TensorInfo info : file.tensors()) {
        SafetensorsFile other = holders.putIfAbsent(info.name(), file);
        if (other != null) {
          throw new SafetensorsException(
              file.path(),
              info.name(),
              info.begin(),
              "is also in "
                  + other.path().getFileName()
                  + ": which of the two is meant is unclear");
        }
        infos.put(info.name(), info);
      }
    }
    fileOf = Collections.unmodifiableMap(holders);
    tensors = Collections.unmodifiableMap(infos);
  }

  /**
   * Opens the weights in {@code directory}. As in transformers, {@code model.safetensors} comes
   * before an index.
   *
   * @throws SafetensorsException if the index or a file is wrong, names a shard outside the
   *     directory, lists a tensor that its shard lacks, or two shards hold one tensor
   * @throws IllegalArgumentException if there are no weights in the directory
   * @throws IOException if a file cannot be read
   */
  public static SafetensorsCheckpoint open(Path directory) throws IOException {
    Path single = directory.resolve(SINGLE_FILE);
    if (Files.isRegularFile(single)) {
      return open(List.of(single));
    }
    Path index = directory.resolve(INDEX_FILE);
    if (!Files.isRegularFile(index)) {
      throw new IllegalArgumentException(
          OtherFormats.advice(directory)
              .orElse(directory + ": found neither " + SINGLE_FILE + " nor " + INDEX_FILE));
    }
    Map<String, String> shardOf = readIndex(index);
    List<Path> shards = new ArrayList<>();
    for (String shard : new TreeSet<>(shardOf.values())) {
      shards.add(directory.resolve(shard));
    }
    requireAll(index, shards);
    SafetensorsCheckpoint checkpoint = open(shards);
    try {
      shardOf.forEach((tensor, shard) -> checkpoint.requireIn(index, tensor, shard));
      return checkpoint;
    } catch (RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  private static void requireAll(Path index, List<Path> shards) {
    List<String> missing =
        shards.stream()
            .filter(shard -> !Files.isRegularFile(shard))
            .map(shard -> SafetensorsException.printable(shard.getFileName().toString()))
            .toList();
    if (!missing.isEmpty()) {
      int more = missing.size() - SHOWN;
      throw new IllegalArgumentException(
          "%s: %d of the %d files it names are missing: %s%s"
              .formatted(
                  index,
                  missing.size(),
                  shards.size(),
                  String.join(", ", missing.subList(0, Math.min(SHOWN, missing.size()))),
                  more > 0 ? " and " + more + " more" : ""));
    }
  }

  private static SafetensorsCheckpoint open(List<Path> paths) throws IOException {
    List<SafetensorsFile> files = new ArrayList<>();
    try {
      for (Path path : paths) {
        files.add(SafetensorsFile.open(path));
      }
      return new SafetensorsCheckpoint(files);
    } catch (IOException | RuntimeException e) {
      for (SafetensorsFile file : files) {
        file.close();
      }
      throw e;
    }
  }

  private static Map<String, String> readIndex(Path index) throws IOException {
    long bytes = Files.size(index);
    if (bytes > SafetensorsHeader.LONGEST_HEADER_BYTES) {
      throw new SafetensorsException(
          index,
          null,
          0,
          bytes + " bytes are over the limit of " + SafetensorsHeader.LONGEST_HEADER_BYTES);
    }
    JsonNode map;
    try {
      map = JSON.readTree(Files.readAllBytes(index)).path("weight_map");
    } catch (JsonProcessingException e) {
      long at = e.getLocation() == null ? 0 : Math.max(0, e.getLocation().getByteOffset());
      throw new SafetensorsException(
          index,
          null,
          at,
          "is not valid JSON: " + SafetensorsException.printable(e.getOriginalMessage()));
    }
    if (!map.isObject() || map.isEmpty()) {
      throw new SafetensorsException(
          index, null, 0, "weight_map, tensor to file, is missing or empty");
    }
    Map<String, String> shardOf = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String shard = entry.getValue().isTextual() ? entry.getValue().textValue() : "";
      // A plain file name: no directory, no drive, no "..".
      if (!SHARD_NAME.matcher(shard).matches()) {
        throw new SafetensorsException(
            index,
            entry.getKey(),
            0,
            "a shard must be the name of a .safetensors file beside the index, got "
                + SafetensorsException.printable(entry.getValue().toString()));
      }
      shardOf.put(entry.getKey(), shard);
    }
    return shardOf;
  }

  private void requireIn(Path index, String tensor, String shard) {
    SafetensorsFile file = fileOf.get(tensor);
    if (file == null || !file.path().endsWith(shard)) {
      throw new SafetensorsException(index, tensor, 0, "is not in " + shard + " as the index says");
    }
  }

  /** Returns every tensor of every file by its name. */
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  /** Returns the files, one for weights that are not sharded. */
  public Collection<Path> files() {
    return files.stream().map(SafetensorsFile::path).toList();
  }

  /**
   * Returns the tensor called {@code name}, readable until this is closed.
   *
   * @throws SafetensorsException if there is none
   */
  public MappedTensor tensor(String name) {
    return fileOf.getOrDefault(name, files.get(0)).tensor(name);
  }

  @Override
  public void close() throws IOException {
    for (SafetensorsFile file : files) {
      file.close();
    }
  }

  /**
   * Writes {@code tensors} into {@code directory}: to one file if they fit in {@code
   * maxShardBytes}, else to shards filled in the order given, with an index. A tensor larger than
   * that has a shard to itself. Files of earlier weights are replaced once all new ones are whole.
   *
   * @param maxShardBytes most bytes of tensors in one file, above 0
   * @throws IllegalArgumentException if two tensors have one name, or {@code maxShardBytes} is not
   *     positive
   * @throws IOException if a file cannot be written; then all files are as they were
   */
  public static void write(Path directory, List<TensorSource> tensors, long maxShardBytes)
      throws IOException {
    if (maxShardBytes <= 0) {
      throw new IllegalArgumentException("maxShardBytes must be above 0, got " + maxShardBytes);
    }
    SafetensorsWriter.requireDistinct(tensors);
    List<List<TensorSource>> shards = shards(tensors, maxShardBytes);
    Map<String, List<TensorSource>> files = new LinkedHashMap<>();
    for (int i = 0; i < shards.size(); i++) {
      String name =
          shards.size() == 1
              ? SINGLE_FILE
              : String.format("model-%05d-of-%05d.safetensors", i + 1, shards.size());
      files.put(name, shards.get(i));
    }
    WholeFiles.write(
        directory,
        SafetensorsCheckpoint::isWeights,
        unfinished -> {
          for (Map.Entry<String, List<TensorSource>> file : files.entrySet()) {
            SafetensorsWriter.write(unfinished.resolve(file.getKey()), METADATA, file.getValue());
          }
          if (shards.size() > 1) {
            writeIndex(unfinished.resolve(INDEX_FILE), files);
          }
        });
  }

  /**
   * Says whether a file is one of those that {@link #write} leaves: beside new weights, a reader
   * would take it for theirs.
   */
  public static boolean isWeights(String file) {
    return WEIGHT_FILE.matcher(file).matches();
  }

  private static List<List<TensorSource>> shards(List<TensorSource> tensors, long maxShardBytes) {
    List<List<TensorSource>> shards = new ArrayList<>();
    shards.add(new ArrayList<>());
    long filled = 0;
    for (TensorSource tensor : tensors) {
      if (filled > 0 && tensor.bytes() > maxShardBytes - filled) {
        shards.add(new ArrayList<>());
        filled = 0;
      }
      shards.get(shards.size() - 1).add(tensor);
      filled += tensor.bytes();
    }
    return shards;
  }

  private static void writeIndex(Path index, Map<String, List<TensorSource>> files)
      throws IOException {
    ObjectNode json = JSON.createObjectNode();
    ObjectNode metadata = json.putObject("metadata");
    ObjectNode map = json.putObject("weight_map");
    long bytes = 0;
    for (Map.Entry<String, List<TensorSource>> file : files.entrySet()) {
      for (TensorSource tensor : file.getValue()) {
        map.put(tensor.name(), file.getKey());
        bytes += tensor.bytes();
      }
    }
    metadata.put("total_size", bytes);
    WholeFile.write(index, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(json));
  }
}
