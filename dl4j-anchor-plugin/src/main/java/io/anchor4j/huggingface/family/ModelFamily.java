package io.anchor4j.huggingface.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.json.JsonFields;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a {@code model_type} of config.json means: its defaults, as transformers' configuration
 * class has them, the keys that its blocks go by, and what it writes back. What all families share
 * is read by {@link #decoder} and written by {@link #write}.
 */
public abstract class ModelFamily {
  private final String modelType;
  private final String name;
  private final Defaults defaults;
  private final Set<String> keys;

  /**
   * @param modelType as in config.json
   * @param name as in the names of transformers' classes
   * @param defaults what missing keys stand for
   * @param keys what the family reads, or knowingly passes over, beside what all share
   */
  ModelFamily(String modelType, String name, Defaults defaults, Set<String> keys) {
    this.modelType = modelType;
    this.name = name;
    this.defaults = defaults;
    this.keys = keys;
  }

  /**
   * What missing keys stand for.
   *
   * @param kvHeads {@code num_key_value_heads}; 0 for as many as query heads
   * @param headDim {@code head_dim}; 0 for hidden size over heads
   * @param maxPositions {@code max_position_embeddings}
   * @param theta {@code rope_theta}
   * @param tied {@code tie_word_embeddings}
   */
  record Defaults(int kvHeads, int headDim, int maxPositions, double theta, boolean tied) {}

  /**
   * Returns the family of a configuration.
   *
   * @throws IllegalArgumentException if {@code model_type} is missing or not supported
   */
  public static ModelFamily of(JsonFields config) {
    String type = config.textOr("model_type", null);
    if (type == null) {
      throw new IllegalArgumentException(
          config.source() + ": model_type is missing; supported are " + supported());
    }
    return Families.ALL.stream()
        .filter(family -> family.modelType.equals(type))
        .findFirst()
        .orElseThrow(() -> config.wrong("model_type", "one of " + supported()));
  }

  private static String supported() {
    return Families.ALL.stream().map(family -> family.modelType).collect(Collectors.joining(", "));
  }

  /** What blocks of this configuration have; {@code layers} of them. */
  abstract BlockOptions blocks(JsonFields config, int layers);

  /** The window of attention where a layer has one, 0 for none. */
  abstract int window(JsonFields config);

  /** Writes the family's own keys over those of the file that was read. */
  abstract void writeBlocks(DecoderConfig decoder, ObjectNode json);

  /** The name as transformers spells it, such as {@code Qwen3}. */
  public final String name() {
    return name;
  }

  final String modelType() {
    return modelType;
  }

  final Defaults defaults() {
    return defaults;
  }

  final Set<String> keys() {
    return keys;
  }

  /**
   * Returns the decoder described.
   *
   * @throws IllegalArgumentException if a value is missing, out of range or not supported, naming
   *     the key
   */
  public final DecoderConfig decoder(JsonFields config) {
    ConfigKeys.check(config, this);
    return DecoderReader.read(config, this);
  }

  /** Returns the rotary embedding's keys as config.json has them, in one object. */
  public final RopeParameters rope(JsonFields config, int maxPositions) {
    return RopeParameters.of(config, maxPositions, defaults.theta());
  }

  /** Writes what a decoder is over the keys of the file that was read: nothing is left implied. */
  public final void write(DecoderConfig decoder, ObjectNode json) {
    json.putArray("architectures").add(name + "ForCausalLM");
    json.put("head_dim", decoder.headDim());
    json.put("num_key_value_heads", decoder.kvHeads());
    json.put("max_position_embeddings", decoder.maxPositions());
    json.put("rms_norm_eps", decoder.rmsNormEpsilon());
    json.put("tie_word_embeddings", decoder.tiedEmbeddings());
    json.put("hidden_act", "silu");
    writeBlocks(decoder, json);
  }

  /** Apart, since a class must not wait for its own subclasses to be initialised. */
  private static final class Families {
    static final List<ModelFamily> ALL =
        List.of(
            new LlamaFamily(),
            new MistralFamily(),
            new Qwen2Family(),
            new Qwen3Family(),
            new SmolLm3Family());
  }
}
