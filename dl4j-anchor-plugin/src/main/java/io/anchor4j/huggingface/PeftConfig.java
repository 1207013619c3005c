package io.anchor4j.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.common.collect.Streams;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.dl4j.layer.LoraConfig;
import io.anchor4j.huggingface.DecoderTensors.Mapping;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What adapter_config.json of PEFT says of a low-rank adapter (LoRA).
 *
 * @param rank {@code r}
 * @param alpha {@code lora_alpha}
 * @param rankStabilized {@code use_rslora}
 * @param dropout {@code lora_dropout}
 * @param targets {@code target_modules}
 * @param baseModel {@code base_model_name_or_path}, or null
 */
public record PeftConfig(
    int rank,
    double alpha,
    boolean rankStabilized,
    double dropout,
    PeftTargets targets,
    String baseModel) {

  /** The name of the file. */
  public static final String FILE = "adapter_config.json";

  static final String TARGETS = "target_modules";

  /** Keys that are read. */
  private static final Set<String> KNOWN =
      Set.of(
          "peft_type",
          "r",
          "lora_alpha",
          "use_rslora",
          "lora_dropout",
          "target_modules",
          "base_model_name_or_path",
          "bias",
          "init_lora_weights");

  /** Keys that do not change what a saved adapter computes. */
  private static final Set<String> WITHOUT_EFFECT =
      Set.of(
          "auto_mapping",
          "ensure_weight_tying",
          "eva_config",
          "inference_mode",
          "megatron_core",
          "peft_version",
          "qalora_group_size",
          "revision",
          "runtime_config",
          "task_type");

  /** Ways to start that change neither the base, as pissa does, nor what is trained, as mica. */
  private static final Set<String> STARTS =
      Set.of("true", "false", "gaussian", "eva", "orthogonal");

  /**
   * Reads adapter_config.json.
   *
   * @throws IllegalArgumentException if it is missing or malformed, or asks for anything that would
   *     change the results and is not supported; the message names the key
   * @throws IOException if it cannot be read
   */
  public static PeftConfig read(Path directory) throws IOException {
    String download = HubModel.advice(directory);
    if (!download.isEmpty()) {
      throw new IllegalArgumentException(directory + ": there is no such directory" + download);
    }
    JsonFields fields = JsonFields.read(directory.resolve(FILE));
    require(fields, "peft_type", "LORA");
    require(fields, "bias", "none");
    JsonNode start = fields.json().path("init_lora_weights");
    if (fields.has("init_lora_weights") && !STARTS.contains(start.asText())) {
      throw fields.wrong("init_lora_weights", "one of true, false, gaussian, eva, orthogonal");
    }
    for (Map.Entry<String, JsonNode> field : fields.json().properties()) {
      String key = field.getKey();
      if (!KNOWN.contains(key) && !WITHOUT_EFFECT.contains(key) && !isOff(field.getValue())) {
        throw new IllegalArgumentException(
            "%s: %s is %s, which is not supported"
                .formatted(
                    fields.source(),
                    SafetensorsException.printable(key),
                    JsonFields.shown(field.getValue())));
      }
    }
    double dropout = fields.optionalDouble("lora_dropout").orElse(0);
    if (dropout < 0 || dropout >= 1) {
      throw fields.wrong("lora_dropout", "a number from 0 to below 1");
    }
    return new PeftConfig(
        fields.requireInt("r", 1),
        fields.requireDouble("lora_alpha"),
        fields.booleanOr("use_rslora", false),
        dropout,
        targets(fields),
        fields.textOr("base_model_name_or_path", null));
  }

  private static void require(JsonFields fields, String key, String value) {
    if (!fields.textOr(key, value).equals(value)) {
      throw fields.wrong(key, value + ", which alone is supported");
    }
  }

  private static boolean isOff(JsonNode value) {
    return value.isNull()
        || (value.isBoolean() && !value.booleanValue())
        || (value.isContainerNode() && value.isEmpty());
  }

  private static PeftTargets targets(JsonFields fields) {
    JsonNode value = fields.json().path("target_modules");
    boolean names =
        value.isArray() && !value.isEmpty() && Streams.stream(value).allMatch(JsonNode::isTextual);
    if (!names && !value.isTextual()) {
      throw fields.wrong("target_modules", "a list of names, a regular expression or all-linear");
    }
    try {
      return names
          ? new PeftTargets(Streams.stream(value).map(JsonNode::textValue).toList(), null)
          : new PeftTargets(List.of(), value.textValue());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(fields.source() + ": " + e.getMessage(), e);
    }
  }

  /** Returns adapter_config.json. */
  ObjectNode toJson() {
    ObjectNode json = JsonFields.MAPPER.createObjectNode();
    json.put("peft_type", "LORA");
    json.put("task_type", "CAUSAL_LM");
    json.put("base_model_name_or_path", baseModel);
    json.put("inference_mode", true);
    json.put("r", rank);
    if (alpha == Math.rint(alpha)) {
      json.put("lora_alpha", (long) alpha);
    } else {
      json.put("lora_alpha", alpha);
    }
    json.put("use_rslora", rankStabilized);
    json.put("lora_dropout", dropout);
    json.put("bias", "none");
    json.put("fan_in_fan_out", false);
    if (targets.pattern() != null) {
      json.put("target_modules", targets.pattern());
    } else {
      targets.names().forEach(json.putArray("target_modules")::add);
    }
    return json;
  }

  /**
   * Returns the adapters in the names of a decoder's layers.
   *
   * @throws IllegalArgumentException if a target is no linear map of the decoder that can have one
   */
  public LoraConfig toLoraConfig(DecoderConfig decoder) {
    requireTargets(decoder, TARGETS);
    return toLoraConfig(decoder, TARGETS);
  }

  /**
   * Checks that every name among the targets meets a linear map, which PEFT does not ask.
   *
   * @param source what the message calls the targets
   * @throws IllegalArgumentException if one does not
   */
  public void requireTargets(DecoderConfig decoder, String source) {
    targets.requireEvery(linear(decoder).keySet(), source);
  }

  /** Returns the same, where names that meet nothing are passed over. */
  LoraConfig toLoraConfig(DecoderConfig decoder, String source) {
    Map<String, List<String>> byLayer = new LinkedHashMap<>();
    for (Mapping mapping : targeted(decoder, source)) {
      byLayer.computeIfAbsent(mapping.layer(), name -> new ArrayList<>()).add(mapping.parameter());
    }
    return new LoraConfig(rank, alpha, rankStabilized, dropout, byLayer);
  }

  /** Returns the two tensors of each adapter, in PEFT's names and orientation. */
  List<Mapping> tensors(DecoderConfig decoder, String source) {
    LoraTensors tensors = new LoraTensors(rank);
    return targeted(decoder, source).stream()
        .flatMap(mapping -> tensors.of(mapping).stream())
        .toList();
  }

  private List<Mapping> targeted(DecoderConfig decoder, String source) {
    Map<String, Mapping> linear = linear(decoder);
    return targets.of(linear.keySet(), source).stream().map(linear::get).toList();
  }

  private static Map<String, Mapping> linear(DecoderConfig decoder) {
    Map<String, Mapping> linear = new LinkedHashMap<>();
    for (Mapping mapping : DecoderTensors.of(decoder)) {
      // Linear maps are the weights that lie the other way round here.
      if (mapping.transposed() && !mapping.tensor().equals(DecoderTensors.OUTPUT)) {
        linear.put(LoraTensors.module(mapping), mapping);
      }
    }
    return linear;
  }
}
