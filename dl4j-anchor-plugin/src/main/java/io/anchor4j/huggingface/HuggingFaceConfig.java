package io.anchor4j.huggingface;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.family.ModelFamily;
import io.anchor4j.huggingface.family.RopeOverride;
import io.anchor4j.huggingface.family.RopeParameters;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.OtherFormats;
import io.anchor4j.huggingface.safetensors.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * A config.json of Hugging Face, of any family that {@link ModelFamily} knows: read in the layouts
 * of transformers 4 and 5, checked whole, written in that of 5.
 *
 * <p>What the file does not say is what transformers takes it for. A key that changes the
 * computation and is not supported is an error; keys that change nothing are kept for export, and
 * so is the generation_config.json beside it.
 */
public final class HuggingFaceConfig {
  /** The name of the file in a model's directory. */
  public static final String FILE = "config.json";

  static final String GENERATION_FILE = "generation_config.json";

  private final JsonFields fields;
  private final JsonFields generation;
  private final ModelFamily family;
  private final DecoderConfig decoder;

  private HuggingFaceConfig(JsonFields fields, JsonFields generation) {
    this.fields = fields;
    this.generation = generation;
    this.family = ModelFamily.of(fields);
    this.decoder = family.decoder(fields);
  }

  /**
   * Reads config.json.
   *
   * @param directoryOrFile the model's directory, or the file itself
   * @throws IllegalArgumentException if there is none, or it describes no model that is supported;
   *     the message names the file, the key and what is expected
   * @throws IOException if it cannot be read
   */
  public static HuggingFaceConfig read(Path directoryOrFile) throws IOException {
    Path file =
        Files.isDirectory(directoryOrFile) ? directoryOrFile.resolve(FILE) : directoryOrFile;
    boolean json = Files.exists(file) && file.toString().endsWith(".json");
    Optional<String> advice = json ? Optional.empty() : OtherFormats.advice(directoryOrFile);
    if (advice.isPresent()) {
      throw new IllegalArgumentException(advice.get());
    }
    String download = HubModel.advice(directoryOrFile);
    if (!download.isEmpty()) {
      throw new IllegalArgumentException(
          directoryOrFile + ": there is no such directory" + download);
    }
    return read(file, file.resolveSibling(GENERATION_FILE));
  }

  /** Reads a config.json whose generation_config.json lies elsewhere. */
  static HuggingFaceConfig read(Path file, Path generation) throws IOException {
    JsonFields fields = JsonFields.read(file);
    return new HuggingFaceConfig(
        fields,
        Files.isRegularFile(generation)
            ? new JsonFields(GENERATION_FILE, JsonFields.read(generation).json())
            : generationOf(FILE, fields));
  }

  /**
   * Takes the fields of a config.json from elsewhere, such as {@code model.config} of a run file.
   *
   * @param source what messages call it
   * @throws IllegalArgumentException as {@link #read}
   */
  public static HuggingFaceConfig of(String source, Map<String, ?> fields) {
    var own = new JsonFields(source, JsonFields.MAPPER.<ObjectNode>valueToTree(fields));
    return new HuggingFaceConfig(own, generationOf(source, own));
  }

  private static JsonFields generationOf(String source, JsonFields config) {
    return new JsonFields(source, GenerationKeys.of(config.json()));
  }

  /** Returns the name of the model's family as transformers spells it, such as {@code Qwen3}. */
  public String family() {
    return family.name();
  }

  /** Returns the decoder described: causal attention over the full row, in float32. */
  public DecoderConfig toDecoderConfig() {
    return decoder;
  }

  /**
   * Returns this configuration with another rotary embedding, as a run file's {@code rope} asks.
   * Where a scaling needs {@code original_max_position_embeddings} and does not give it, it is this
   * configuration's {@code max_position_embeddings}; or, where a scaling is replaced, that one's
   * own, without which it must be given. Dynamic scaling starts to stretch there: it becomes {@code
   * max_position_embeddings}, where transformers looks for it.
   *
   * @param theta the base of the frequencies, or nothing to keep it
   * @param scaling keys as in config.json ({@code type} or {@code rope_type}, {@code factor}, ...);
   *     empty to keep the scaling
   * @throws IllegalArgumentException if the scaling is not supported or a value is wrong; the
   *     message begins with {@code rope.scaling}, as a run file calls it
   */
  public HuggingFaceConfig withRope(OptionalDouble theta, Map<String, ?> scaling) {
    if (theta.isEmpty() && scaling.isEmpty()) {
      return this;
    }
    RopeParameters rope = RopeOverride.of(ropeParameters(), theta, scaling);
    rope.rotary(decoder.headDim());
    ObjectNode json = withoutRope();
    json.set("rope_parameters", rope.json());
    json.put("max_position_embeddings", rope.maxPositions());
    if (!scaling.isEmpty()) {
      json.remove("original_max_position_embeddings");
    }
    return new HuggingFaceConfig(new JsonFields(fields.source(), json), generation);
  }

  /**
   * Returns this configuration for a model trained on rows of {@code positions}: {@code
   * max_position_embeddings} is raised to it if it is below. A dynamic scaling stays as it is: it
   * starts to stretch beyond {@code max_position_embeddings}, which is therefore kept.
   */
  public HuggingFaceConfig withPositions(int positions) {
    ObjectNode rope = ropeParameters().json();
    if (positions <= decoder.maxPositions() || rope.path("rope_type").asText().equals("dynamic")) {
      return this;
    }
    ObjectNode json = withoutRope();
    json.set("rope_parameters", rope);
    json.put("max_position_embeddings", positions);
    return new HuggingFaceConfig(new JsonFields(fields.source(), json), generation);
  }

  /**
   * Returns config.json for export, in the layout of transformers 5.
   *
   * @param type of the weights beside it: F32, F16 or BF16
   * @throws IllegalArgumentException if it is another
   */
  public ObjectNode toJson(TensorType type) {
    ObjectNode json = withoutRope();
    family.write(decoder, json);
    json.set("rope_parameters", ropeParameters().json());
    json.remove("torch_dtype");
    json.put("dtype", dtype(type));
    return json;
  }

  /** Returns generation_config.json for export: the ids that begin, end and pad a text. */
  ObjectNode generationJson() {
    ObjectNode json = generation.json().deepCopy();
    for (String key : new String[] {"bos_token_id", "eos_token_id", "pad_token_id"}) {
      if (fields.has(key) && !json.hasNonNull(key)) {
        json.set(key, fields.json().get(key));
      }
    }
    return json;
  }

  /**
   * Returns the ids that end a text: those of generation_config.json, else of config.json (which
   * transformers asks only where there is no generation_config.json).
   */
  public Set<Integer> endIds() {
    String key = "eos_token_id";
    return generation.has(key) ? generation.tokenIds(key) : fields.tokenIds(key);
  }

  /**
   * Returns {@code repetition_penalty} of generation_config.json, of config.json where there is no
   * such file, as in transformers, or 1, which is none.
   *
   * @throws IllegalArgumentException if it is no number above 0
   */
  public double repetitionPenalty() {
    String key = "repetition_penalty";
    double penalty = generation.optionalDouble(key).orElse(1);
    if (penalty <= 0) {
      throw generation.wrong(key, "a number above 0");
    }
    return penalty;
  }

  /**
   * Returns the keys of {@link #generationSource} by which transformers would choose other tokens
   * and that are ignored here. Those of sampling that {@code generation} has ({@code do_sample},
   * {@code temperature}, {@code top_k}, {@code top_p}) are not among them.
   */
  public List<String> ignoredGenerationKeys() {
    return GenerationKeys.ignored(generation.json());
  }

  /** Returns the name of the file that says how to generate. */
  public String generationSource() {
    return generation.source();
  }

  private static String dtype(TensorType type) {
    return switch (type) {
      case F32 -> "float32";
      case F16 -> "float16";
      case BF16 -> "bfloat16";
      default ->
          throw new IllegalArgumentException(
              "weights are exported as F32, F16 or BF16, not as " + type);
    };
  }

  private RopeParameters ropeParameters() {
    return family.rope(fields, decoder.maxPositions());
  }

  private ObjectNode withoutRope() {
    return fields
        .json()
        .deepCopy()
        .without(List.of("rope_theta", "rope_scaling", "rope_parameters", "partial_rotary_factor"));
  }
}
