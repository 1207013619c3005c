package io.anchor4j.huggingface;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.family.RopeParameters;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryScaling;
import io.anchor4j.rotary.RotaryScaling.DynamicNtk;
import io.anchor4j.rotary.RotaryScaling.Linear;
import io.anchor4j.rotary.RotaryScaling.Llama3;
import io.anchor4j.rotary.RotaryScaling.Yarn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;

class HuggingFaceConfigTest {
  private static final String LEAST =
      "{'model_type': 'llama', 'vocab_size': 96, 'hidden_size': 32, 'intermediate_size': 56,"
          + " 'num_hidden_layers': 2, 'num_attention_heads': 4}";

  /** The least configuration with the fields of {@code extra} put over it; null removes. */
  private static HuggingFaceConfig config(String extra) {
    Map<String, Object> fields = fields(LEAST);
    fields.putAll(fields(extra));
    return HuggingFaceConfig.of("config", fields);
  }

  @SuppressWarnings("unchecked") // a JSON object is a map of texts to values
  private static Map<String, Object> fields(String json) {
    try {
      return JsonFields.MAPPER.readValue(json.replace('\'', '"'), Map.class);
    } catch (IOException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static RotaryConfig rotary(String extra) {
    return config(extra).toDecoderConfig().attention().rotary();
  }

  private static HuggingFaceConfig withGeneration(Path directory, String json) throws IOException {
    Files.writeString(directory.resolve("config.json"), LEAST.replace('\'', '"'));
    Files.writeString(directory.resolve("generation_config.json"), json.replace('\'', '"'));
    return HuggingFaceConfig.read(directory);
  }

  @Test
  void theRepetitionPenaltyIsThatOfGenerationConfig(@TempDir Path directory) throws IOException {
    assertEquals(1, config("{}").repetitionPenalty());
    assertEquals(
        1.05, withGeneration(directory, "{'repetition_penalty': 1.05}").repetitionPenalty());
    assertEquals(1.1, config("{'repetition_penalty': 1.1}").repetitionPenalty());
    HuggingFaceConfig wrong = withGeneration(directory, "{'repetition_penalty': -2}");
    assertEquals(
        "generation_config.json: repetition_penalty must be a number above 0, got -2",
        assertThrows(IllegalArgumentException.class, wrong::repetitionPenalty).getMessage());
  }

  /** transformers has no end at all in the third case, and generates up to the length. */
  @Test
  void theEndIsThatOfConfigJsonWhereGenerationConfigNamesNone(@TempDir Path directory)
      throws IOException {
    String config = LEAST.replace("{", "{'eos_token_id': 2, ").replace('\'', '"');
    Path generation = directory.resolve("generation_config.json");
    Files.writeString(directory.resolve("config.json"), config);
    assertEquals(Set.of(2), HuggingFaceConfig.read(directory).endIds());
    Files.writeString(generation, "{\"eos_token_id\": [3, 4]}");
    assertEquals(Set.of(3, 4), HuggingFaceConfig.read(directory).endIds());
    Files.writeString(generation, "{\"max_length\": 20}");
    assertEquals(Set.of(2), HuggingFaceConfig.read(directory).endIds());
  }

  @Test
  void generationKeysThatChangeTokensAndAreIgnoredAreNamed(@TempDir Path directory)
      throws IOException {
    assertEquals(
        List.of("num_beams", "suppress_tokens", "forced_eos_token_id", "min_p", "token_healing"),
        withGeneration(
                directory,
                "{'num_beams': 4, 'suppress_tokens': [3], 'forced_eos_token_id': 0, 'min_p': 0.05,"
                    + " 'token_healing': true, 'do_sample': true, 'temperature': 0.7, 'top_k': 20,"
                    + " 'repetition_penalty': 1.05, 'eos_token_id': [1, 2]}")
            .ignoredGenerationKeys());
    assertEquals(
        List.of(),
        withGeneration(
                directory,
                "{'num_beams': 1, 'suppress_tokens': [], 'forced_eos_token_id': null, 'min_p': 0.0,"
                    + " 'token_healing': false, 'typical_p': 1.0, 'min_length': 0}")
            .ignoredGenerationKeys());
  }

  @Test
  void whatIsMissingIsWhatTransformersTakesItFor() {
    assertEquals(
        new DecoderConfig(
            96,
            32,
            56,
            2,
            4,
            4,
            8,
            1e-6,
            2048,
            /* tiedEmbeddings= */ false,
            0.02,
            BlockOptions.PLAIN,
            AttentionConfig.DEFAULT.withRotary(RotaryConfig.of(10_000))),
        config("{}").toDecoderConfig());
  }

  @Test
  void everyFieldIsRead() {
    DecoderConfig decoder =
        config(
                "{'num_key_value_heads': 2, 'head_dim': 16, 'rms_norm_eps': 1e-5,"
                    + " 'max_position_embeddings': 8192.0, 'tie_word_embeddings': true,"
                    + " 'attention_bias': true, 'mlp_bias': true, 'initializer_range': 0.1,"
                    + " 'rope_theta': 500000}")
            .toDecoderConfig();
    assertEquals(
        new DecoderConfig(
            96,
            32,
            56,
            2,
            4,
            2,
            16,
            1e-5,
            8192,
            /* tiedEmbeddings= */ true,
            0.1,
            BlockOptions.PLAIN
                .withQueryKeyValueBias(true)
                .withProjectionBias(true)
                .withMlpBias(true),
            AttentionConfig.DEFAULT.withRotary(RotaryConfig.of(500_000))),
        decoder);
  }

  static Stream<Arguments> scalings() {
    return Stream.of(
        arguments("null", RotaryScaling.NONE),
        arguments("{}", RotaryScaling.NONE),
        arguments("{'TYPE': 'default'}", RotaryScaling.NONE),
        arguments("{'TYPE': 'linear', 'factor': 2}", new Linear(2)),
        arguments("{'TYPE': 'dynamic', 'factor': 4.0}", new DynamicNtk(4, 64)),
        arguments(
            "{'TYPE': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,"
                + " 'original_max_position_embeddings': 32}",
            new Llama3(8, 1, 4, 32)),
        // A missing original length means max_position_embeddings.
        arguments(
            "{'TYPE': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0}",
            new Llama3(8, 1, 4, 64)),
        arguments("{'TYPE': 'yarn', 'factor': 16.0}", Yarn.of(16, 64)),
        arguments(
            "{'TYPE': 'yarn', 'factor': 2.0, 'original_max_position_embeddings': 32, 'beta_fast':"
                + " 16, 'beta_slow': 2, 'attention_factor': 1.5, 'truncate': false}",
            new Yarn(2, 32, 16, 2, 1.5, /* truncate= */ false)),
        // Python's "or": 0 is as good as nothing.
        arguments(
            "{'TYPE': 'yarn', 'factor': 1.0, 'beta_fast': 0, 'beta_slow': null, 'mscale': 0,"
                + " 'mscale_all_dim': 2}",
            new Yarn(1, 64, 32, 1, 1, /* truncate= */ true)),
        arguments(
            "{'TYPE': 'yarn', 'factor': 40.0, 'mscale': 1.0, 'mscale_all_dim': 0.5}",
            new Yarn(
                40,
                64,
                32,
                1,
                (0.1 * Math.log(40) + 1) / (0.05 * Math.log(40) + 1),
                /* truncate= */ true)),
        arguments(
            "{'TYPE': 'yarn', 'factor': null, 'original_max_position_embeddings': 16}",
            Yarn.of(4, 16)));
  }

  @ParameterizedTest
  @MethodSource("scalings")
  void everyLayoutOfAScalingMeansTheSame(String rope, RotaryScaling expected) {
    String positions = "'max_position_embeddings': 64, 'rope_theta': 5000.0";
    RotaryConfig rotary = RotaryConfig.of(5000).withScaling(expected);
    String named = rope.replace("TYPE", "rope_type");
    assertEquals(rotary, rotary("{" + positions + ", 'rope_scaling': " + named + "}"));
    assertEquals(rotary, rotary("{" + positions + ", 'rope_parameters': " + named + "}"));
    assertEquals(
        rotary,
        rotary("{" + positions + ", 'rope_scaling': " + rope.replace("TYPE", "type") + "}"));
    if (rope.length() > 4) {
      String inside = named.replace("{", "{'rope_theta': 5000.0, ");
      assertEquals(
          rotary, rotary("{'max_position_embeddings': 64, 'rope_parameters': " + inside + "}"));
      // As in transformers 5, rope_scaling comes before rope_parameters.
      assertEquals(
          rotary,
          rotary(
              "{'max_position_embeddings': 64, 'rope_parameters': {'rope_type': 'x'},"
                  + " 'rope_scaling': "
                  + inside
                  + "}"));
    }
  }

  @Test
  void anOriginalLengthBesideTheScalingComesBeforeTheOneWithin() {
    assertEquals(
        Yarn.of(4, 128),
        rotary(
                "{'original_max_position_embeddings': 128, 'rope_scaling': {'type': 'yarn', 'factor':"
                    + " 4, 'original_max_position_embeddings': 32}}")
            .scaling());
  }

  @ParameterizedTest
  @MethodSource("scalings")
  void exportIsInTheNewerLayoutAndMeansTheSame(String rope, RotaryScaling expected) {
    HuggingFaceConfig read =
        config(
            "{'max_position_embeddings': 64, 'torch_dtype': 'float16', 'vendor_key': [1, {'a': 2}],"
                + " 'rope_theta': 5000.0, 'rope_scaling': "
                + rope.replace("TYPE", "type")
                + "}");
    JsonNode exported = read.toJson(TensorType.BF16);
    assertFalse(exported.has("rope_scaling"));
    assertFalse(exported.has("rope_theta"));
    assertFalse(exported.has("torch_dtype"));
    assertEquals("bfloat16", exported.get("dtype").asText());
    assertEquals(5000, exported.at("/rope_parameters/rope_theta").asDouble());
    assertTrue(exported.at("/rope_parameters/rope_type").isTextual());
    assertFalse(exported.get("rope_parameters").has("type"));
    assertEquals("LlamaForCausalLM", exported.at("/architectures/0").asText());
    assertEquals(2, exported.at("/vendor_key/1/a").asInt());
    HuggingFaceConfig again = HuggingFaceConfig.of("again", fields(exported.toString()));
    assertEquals(read.toDecoderConfig(), again.toDecoderConfig());
    assertEquals(exported, again.toJson(TensorType.BF16));
  }

  @Test
  void onlyFloatingTypesAreExported() {
    assertThrows(IllegalArgumentException.class, () -> config("{}").toJson(TensorType.I32));
  }

  @Test
  void ropeCanBeOverriddenAndIsExported() {
    HuggingFaceConfig base =
        config(
            "{'max_position_embeddings': 64, 'rope_theta': 5000.0, 'rope_scaling': {'type':"
                + " 'linear', 'factor': 2.0}}");
    HuggingFaceConfig theta = base.withRope(OptionalDouble.of(1e6), Map.of());
    assertEquals(
        RotaryConfig.of(1e6).withScaling(new Linear(2)),
        theta.toDecoderConfig().attention().rotary());
    HuggingFaceConfig yarn =
        base.withRope(
            OptionalDouble.empty(),
            Map.of("type", "yarn", "factor", 16, "original_max_position_embeddings", 64));
    assertEquals(
        RotaryConfig.of(5000).withScaling(Yarn.of(16, 64)),
        yarn.toDecoderConfig().attention().rotary());
    // The original length stays what it was when the model's length grows.
    HuggingFaceConfig longer = yarn.withPositions(1024);
    assertEquals(Yarn.of(16, 64), longer.toDecoderConfig().attention().rotary().scaling());
    JsonNode exported = longer.toJson(TensorType.F32);
    assertEquals(1024, exported.get("max_position_embeddings").asInt());
    assertEquals(64, exported.at("/rope_parameters/original_max_position_embeddings").asInt());
    assertEquals("yarn", exported.at("/rope_parameters/rope_type").asText());
    assertEquals(64, yarn.withPositions(32).toDecoderConfig().maxPositions());
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> base.withRope(OptionalDouble.empty(), Map.of("type", "su")));
    assertTrue(
        e.getMessage()
            .contains("rope_type must be one of default, linear, dynamic, yarn, llama3, longrope"),
        e.getMessage());
  }

  @Test
  void aScalingInPlaceOfAnotherStretchesFromTheLengthBeforeBoth() {
    HuggingFaceConfig stretched =
        config(
            "{'max_position_embeddings': 256, 'rope_scaling': {'type': 'yarn', 'factor': 4.0,"
                + " 'original_max_position_embeddings': 64}}");
    assertEquals(
        Yarn.of(16, 64),
        stretched
            .withRope(OptionalDouble.empty(), Map.of("type", "yarn", "factor", 16))
            .toDecoderConfig()
            .attention()
            .rotary()
            .scaling());
    HuggingFaceConfig linear =
        config("{'max_position_embeddings': 64, 'rope_scaling': {'type': 'linear', 'factor': 2}}");
    assertEquals(
        "rope.scaling: yarn: original_max_position_embeddings is missing: the model has linear"
            + " scaling already, and its length before that is not in its config.json",
        refusal(linear, Map.of("type", "yarn", "factor", 16)));
  }

  /** max_position_embeddings is where transformers has it start. */
  @Test
  void aDynamicScalingStartsAtTheLengthBeforeTheOneItReplaces() {
    HuggingFaceConfig stretched =
        config(
            "{'max_position_embeddings': 256, 'rope_scaling': {'type': 'yarn', 'factor': 4.0,"
                + " 'original_max_position_embeddings': 64}}");
    Map<String, ?> scaling = Map.of("type", "dynamic", "factor", 2);
    HuggingFaceConfig dynamic = stretched.withRope(OptionalDouble.empty(), scaling);
    assertEquals(new DynamicNtk(2, 64), dynamic.toDecoderConfig().attention().rotary().scaling());
    JsonNode exported = dynamic.withPositions(512).toJson(TensorType.F32);
    assertEquals(64, exported.get("max_position_embeddings").asInt());
    assertTrue(exported.at("/rope_parameters/original_max_position_embeddings").isMissingNode());
    HuggingFaceConfig linear =
        config("{'max_position_embeddings': 64, 'rope_scaling': {'type': 'linear', 'factor': 2}}");
    assertEquals(
        "rope.scaling: dynamic: original_max_position_embeddings is missing: the model has linear"
            + " scaling already, and its length before that is not in its config.json",
        refusal(linear, scaling));
  }

  /** The warning of transformers' validation of rope_parameters. */
  @Test
  void aYarnFactorThatContradictsTheLengthsIsWarnedOf() {
    String yarn =
        "{'max_position_embeddings': %d, 'rope_scaling': {'type': 'yarn', 'factor': 4.0,"
            + " 'original_max_position_embeddings': 64}}";
    assertEquals(
        List.of(
            "config: rope_scaling: factor is 4.0, but max_position_embeddings /"
                + " original_max_position_embeddings is 2.0; factor counts"),
        warnings(() -> config(yarn.formatted(128))));
    assertEquals(List.of(), warnings(() -> config(yarn.formatted(256))));
    assertEquals(List.of(), warnings(() -> config(yarn.formatted(64))));
  }

  private static List<String> warnings(Runnable reading) {
    var logger = (Logger) LoggerFactory.getLogger(RopeParameters.class);
    var appender = new ListAppender<ILoggingEvent>();
    appender.start();
    logger.addAppender(appender);
    try {
      reading.run();
    } finally {
      logger.detachAppender(appender);
    }
    return appender.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  @Test
  void aBaseWithinTheScalingIsNotPassedOver() {
    assertEquals(
        "rope.scaling: rope_theta is not part of the scaling; it is set as rope.theta",
        refusal(config("{}"), Map.of("type", "yarn", "factor", 4, "rope_theta", 5e6)));
  }

  private static String refusal(HuggingFaceConfig config, Map<String, ?> scaling) {
    return assertThrows(
            IllegalArgumentException.class, () -> config.withRope(OptionalDouble.empty(), scaling))
        .getMessage();
  }

  /** Dynamic scaling starts at max_position_embeddings: raising it would change the model. */
  @Test
  void aDynamicScalingKeepsItsLength() {
    HuggingFaceConfig dynamic =
        config(
            "{'max_position_embeddings': 64, 'rope_scaling': {'type': 'dynamic', 'factor': 2.0}}");
    assertEquals(64, dynamic.withPositions(1024).toDecoderConfig().maxPositions());
  }

  static Stream<Arguments> wrongConfigs() {
    return Stream.of(
        arguments(
            "{'model_type': null}",
            "config: model_type is missing; supported are llama, mistral, qwen2, qwen3, smollm3"),
        arguments(
            "{'model_type': 'gemma2'}",
            "config: model_type must be one of llama, mistral, qwen2, qwen3, smollm3, got \"gemma2\""),
        arguments("{'hidden_act': 'gelu'}", "config: hidden_act must be silu, got \"gelu\""),
        arguments("{'quantization_config': {'bits': 4}}", "quantized weights are not supported"),
        arguments("{'vocab_size': null}", "config: vocab_size is missing"),
        arguments("{'hidden_size': null}", "config: hidden_size is missing"),
        arguments("{'intermediate_size': null}", "config: intermediate_size is missing"),
        arguments("{'num_hidden_layers': null}", "config: num_hidden_layers is missing"),
        arguments("{'num_attention_heads': null}", "config: num_attention_heads is missing"),
        arguments(
            "{'num_hidden_layers': 0}",
            "config: num_hidden_layers must be an integer from 1 to 2147483647, got 0"),
        arguments("{'hidden_size': '32'}", "hidden_size must be an integer from 1 to 2147483647"),
        arguments("{'hidden_size': 32.5}", "hidden_size must be an integer"),
        arguments("{'vocab_size': 3000000000}", "vocab_size must be an integer from 1 to"),
        arguments("{'tie_word_embeddings': 'yes'}", "tie_word_embeddings must be true or false"),
        arguments("{'rms_norm_eps': 'small'}", "rms_norm_eps must be a number"),
        arguments("{'rms_norm_eps': 0}", "rms_norm_eps must be above 0 and below 1, got 0"),
        arguments(
            "{'initializer_range': -1}", "initializer_range must be above 0 and at most 1, got -1"),
        arguments(
            "{'num_key_value_heads': 3}",
            "num_attention_heads must be a multiple of num_key_value_heads, got 4 and 3"),
        arguments(
            "{'hidden_size': 30}",
            "hidden_size must be a multiple of num_attention_heads, or head_dim be given, got 30"
                + " and 4"),
        arguments(
            "{'hidden_size': 30, 'head_dim': 8}",
            "hidden_size must be a multiple of num_attention_heads, got 30 and 4"),
        arguments(
            "{'num_hidden_layers': 2000000000}",
            "num_hidden_layers must be at most 10000, got 2000000000"),
        arguments("{'head_dim': 7}", "must be even and at most 256 for a rotary embedding, got 7"),
        arguments("{'hidden_size': 28}", "for a rotary embedding, got 7"),
        arguments("{'head_dim': 258}", "for a rotary embedding, got 258"),
        arguments("{'partial_rotary_factor': 0.5}", "partial_rotary_factor must be 1"),
        arguments("{'rope_theta': 'x'}", "rope_theta must be a number, got \"x\""),
        arguments("{'rope_theta': -1}", "theta must be above 0, got -1.0"),
        arguments("{'rope_scaling': 2}", "rope_scaling must be an object, got 2"),
        arguments(
            "{'rope_scaling': {'type': 'linear'}}", "config: rope_scaling: factor is missing"),
        arguments(
            "{'rope_parameters': {'rope_type': 'linear', 'factor': 0.5}}",
            "config: rope_parameters: rotary scaling linear: factor must be 1 or more, got 0.5"),
        arguments(
            "{'rope_scaling': {'type': 'llama3', 'factor': 8, 'high_freq_factor': 4}}",
            "rope_scaling: low_freq_factor is missing"),
        arguments(
            "{'rope_scaling': {'rope_type': 'longrope', 'long_factor': [1.0]}}",
            "config: rope_scaling: short_factor is missing"));
  }

  @ParameterizedTest
  @MethodSource("wrongConfigs")
  void aWrongValueIsOneLineThatNamesItsKey(String extra, String reason) {
    var e = assertThrows(IllegalArgumentException.class, () -> config(extra));
    assertTrue(e.getMessage().contains(reason), e.getMessage());
    assertTrue(e.getMessage().startsWith("config: "), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  @Test
  void filesAreReadFromTheirDirectoryAndNamedInMessages(@TempDir Path directory)
      throws IOException {
    Path file = directory.resolve("config.json");
    var e = assertThrows(IllegalArgumentException.class, () -> HuggingFaceConfig.read(directory));
    assertEquals(file + ": there is no such file", e.getMessage());
    Files.writeString(file, LEAST.replace('\'', '"'));
    assertEquals(
        HuggingFaceConfig.read(directory).toDecoderConfig(),
        HuggingFaceConfig.read(file).toDecoderConfig());
    Files.writeString(file, "{\n\"model_type\": \"llama\",,}");
    e = assertThrows(IllegalArgumentException.class, () -> HuggingFaceConfig.read(directory));
    assertTrue(e.getMessage().startsWith(file + ", line 2: not valid JSON"), e.getMessage());
    Files.writeString(file, "[]");
    e = assertThrows(IllegalArgumentException.class, () -> HuggingFaceConfig.read(directory));
    assertEquals(file + ": expected a JSON object, found []", e.getMessage());
    Files.writeString(file, "{\"vocab_size\": 1, \"vocab_size\": 2}");
    e = assertThrows(IllegalArgumentException.class, () -> HuggingFaceConfig.read(directory));
    assertTrue(e.getMessage().contains("Duplicate field 'vocab_size'"), e.getMessage());
  }
}
