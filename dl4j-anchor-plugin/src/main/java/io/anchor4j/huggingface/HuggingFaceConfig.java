package io.anchor4j.huggingface;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.safetensors.OtherFormats;
import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.rotary.RotaryConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A config.json of Hugging Face, model type {@code llama}: read in the layouts of transformers 4
 * and 5, checked whole, written in that of 5.
 *
 * <p>What the file does not say is what transformers takes it for. Keys that mean nothing here are
 * kept for export, and so is the generation_config.json beside it.
 */
public final class HuggingFaceConfig {
  /** The name of the file in a model's directory. */
  public static final String FILE = "config.json";

  private static final Logger LOG = LoggerFactory.getLogger(HuggingFaceConfig.class);
  private static final String LLAMA = "llama";

  private final JsonFields fields;
  private final ObjectNode generation;
  private final DecoderConfig decoder;

  private HuggingFaceConfig(JsonFields fields, ObjectNode generation) {
    this.fields = fields;
    this.generation = generation;
    this.decoder = decoder(fields);
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
    Path generation = file.resolveSibling("generation_config.json");
    return new HuggingFaceConfig(
        JsonFields.read(file),
        Files.isRegularFile(generation)
            ? JsonFields.read(generation).json()
            : JsonFields.MAPPER.createObjectNode());
  }

  /**
   * Takes the fields of a config.json from elsewhere, such as {@code model.config} of a run file.
   *
   * @param source what messages call it
   * @throws IllegalArgumentException as {@link #read}
   */
  public static HuggingFaceConfig of(String source, Map<String, ?> fields) {
    ObjectNode json = JsonFields.MAPPER.valueToTree(fields);
    return new HuggingFaceConfig(
        new JsonFields(source, json), JsonFields.MAPPER.createObjectNode());
  }

  private static DecoderConfig decoder(JsonFields config) {
    requireSupported(config);
    int hidden = config.requireInt("hidden_size", 1);
    int heads = config.requireInt("num_attention_heads", 1);
    int kvHeads = config.optionalInt("num_key_value_heads", 1).orElse(heads);
    if (heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          config.source()
              + ": num_attention_heads must be a multiple of num_key_value_heads, got "
              + heads
              + " and "
              + kvHeads);
    }
    if (hidden % heads != 0) {
      // transformers refuses this too, head_dim or not.
      throw new IllegalArgumentException(
          config.source()
              + ": hidden_size must be a multiple of num_attention_heads, got "
              + hidden
              + " and "
              + heads);
    }
    int headDim = config.optionalInt("head_dim", 1).orElse(hidden / heads);
    if (headDim % 2 != 0 || headDim > RotaryConfig.MAX_DIMENSIONS) {
      throw new IllegalArgumentException(
          config.source()
              + ": head_dim (hidden_size / num_attention_heads where it is missing) must be even and"
              + " at most "
              + RotaryConfig.MAX_DIMENSIONS
              + " for a rotary embedding, got "
              + headDim);
    }
    double epsilon = config.optionalDouble("rms_norm_eps").orElse(1e-6);
    if (epsilon <= 0 || epsilon >= 1) {
      throw config.wrong("rms_norm_eps", "above 0 and below 1");
    }
    double initializerRange = config.optionalDouble("initializer_range").orElse(0.02);
    if (initializerRange <= 0 || initializerRange > 1) {
      throw config.wrong("initializer_range", "above 0 and at most 1");
    }
    int maxPositions = config.optionalInt("max_position_embeddings", 1).orElse(2048);
    RotaryConfig rotary = RopeParameters.of(config, maxPositions).rotary();
    return new DecoderConfig(
        config.requireInt("vocab_size", 1),
        hidden,
        config.requireInt("intermediate_size", 1),
        config.requireInt("num_hidden_layers", 1),
        heads,
        kvHeads,
        headDim,
        epsilon,
        maxPositions,
        config.booleanOr("tie_word_embeddings", false),
        config.booleanOr("attention_bias", false),
        config.booleanOr("mlp_bias", false),
        initializerRange,
        AttentionConfig.DEFAULT.withRotary(rotary));
  }

  private static void requireSupported(JsonFields config) {
    String type = config.textOr("model_type", null);
    if (type == null) {
      throw new IllegalArgumentException(
          config.source() + ": model_type is missing; supported is " + LLAMA);
    }
    if (!type.equals(LLAMA)) {
      throw config.wrong("model_type", LLAMA + ", the family that is supported");
    }
    String activation = config.textOr("hidden_act", "silu");
    if (!activation.equals("silu")) {
      throw config.wrong("hidden_act", "silu");
    }
    if (config.has("quantization_config")) {
      throw new IllegalArgumentException(
          config.source()
              + ": quantization_config: quantized weights are not supported; use a checkpoint in"
              + " float32, float16 or bfloat16");
    }
    if (config.optionalDouble("attention_dropout").orElse(0) != 0) {
      LOG.warn("{}: attention_dropout is ignored: there is no dropout here", config.source());
    }
  }

  /** Returns the decoder described: causal attention over the full row, in float32. */
  public DecoderConfig toDecoderConfig() {
    return decoder;
  }

  /**
   * Returns this configuration with another rotary embedding, as a run file's {@code rope} asks.
   * Where a scaling needs {@code original_max_position_embeddings} and does not give it, it is this
   * configuration's {@code max_position_embeddings}.
   *
   * @param theta the base of the frequencies, or nothing to keep it
   * @param scaling keys as in config.json ({@code type} or {@code rope_type}, {@code factor}, ...);
   *     empty to keep the scaling
   * @throws IllegalArgumentException if the scaling is not supported or a value is wrong
   */
  public HuggingFaceConfig withRope(OptionalDouble theta, Map<String, ?> scaling) {
    ObjectNode json = withoutRope();
    json.set("rope_parameters", ropeParameters().overridden(theta, scaling));
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
    json.putArray("architectures").add("LlamaForCausalLM");
    json.put("head_dim", decoder.headDim());
    json.put("num_key_value_heads", decoder.kvHeads());
    json.put("max_position_embeddings", decoder.maxPositions());
    json.put("rms_norm_eps", decoder.rmsNormEpsilon());
    json.put("tie_word_embeddings", decoder.tiedEmbeddings());
    json.put("attention_bias", decoder.attentionBias());
    json.put("mlp_bias", decoder.mlpBias());
    json.put("hidden_act", "silu");
    json.set("rope_parameters", ropeParameters().json());
    json.remove("torch_dtype");
    json.put("dtype", dtype(type));
    return json;
  }

  /** Returns generation_config.json for export: the ids that begin, end and pad a text. */
  ObjectNode generationJson() {
    ObjectNode json = generation.deepCopy();
    for (String key : new String[] {"bos_token_id", "eos_token_id", "pad_token_id"}) {
      if (fields.has(key) && !json.hasNonNull(key)) {
        json.set(key, fields.json().get(key));
      }
    }
    return json;
  }

  /**
   * Returns the ids that end a text, as transformers' generate takes them: those of
   * generation_config.json, else of config.json.
   */
  public Set<Integer> endIds() {
    String key = "eos_token_id";
    boolean own = generation.hasNonNull(key);
    return own
        ? new JsonFields("generation_config.json", generation).tokenIds(key)
        : fields.tokenIds(key);
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
    return RopeParameters.of(fields, decoder.maxPositions());
  }

  private ObjectNode withoutRope() {
    return fields
        .json()
        .deepCopy()
        .without(List.of("rope_theta", "rope_scaling", "rope_parameters", "partial_rotary_factor"));
  }
}
