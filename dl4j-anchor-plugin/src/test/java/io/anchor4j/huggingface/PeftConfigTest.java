package io.anchor4j.huggingface;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.dl4j.layer.LoraConfig;
import io.anchor4j.huggingface.json.JsonFields;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PeftConfigTest {
  private static final PeftConfig CONFIG =
      new PeftConfig(4, 6, true, 0.25, PeftTargets.of(List.of("q_proj", "1.mlp.up_proj")), "base");

  @TempDir Path directory;

  private static DecoderConfig decoder() {
    return HuggingFaceConfig.of(
            "config",
            Map.of(
                "model_type",
                "llama",
                "vocab_size",
                11,
                "hidden_size",
                8,
                "intermediate_size",
                12,
                "num_hidden_layers",
                2,
                "num_attention_heads",
                2,
                "tie_word_embeddings",
                false))
        .toDecoderConfig();
  }

  private static Map<String, List<String>> targets(PeftTargets targets) {
    return new PeftConfig(2, 4, false, 0, targets, null).toLoraConfig(decoder()).targets();
  }

  private PeftConfig read(String change) throws IOException {
    ObjectNode json = CONFIG.toJson();
    json.setAll((ObjectNode) JsonFields.MAPPER.readTree(change));
    Files.writeString(directory.resolve(PeftConfig.FILE), json.toString());
    return PeftConfig.read(directory);
  }

  @Test
  void whatIsWrittenIsRead() throws IOException {
    assertEquals(CONFIG, read("{}"));
    assertEquals(
        new PeftTargets(List.of(), "all-linear"),
        read("{\"target_modules\": \"all-linear\"}").targets());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"use_dora\": false, \"rank_pattern\": {}, \"modules_to_save\": null, \"revision\":"
            + " \"x\"}",
        "{\"init_lora_weights\": \"gaussian\", \"some_future_key\": false}",
        "{\"init_lora_weights\": true, \"peft_version\": \"0.21.2\", \"loftq_config\": {}}"
      })
  void whatChangesNothingIsAccepted(String change) throws IOException {
    assertEquals(CONFIG, read(change));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "use_dora | true",
        "bias | \"all\"",
        "lora_bias | true",
        "fan_in_fan_out | true",
        "rank_pattern | {\"q_proj\": 8}",
        "alpha_pattern | {\"q_proj\": 8}",
        "layers_to_transform | [0]",
        "modules_to_save | [\"lm_head\"]",
        "exclude_modules | [\"q_proj\"]",
        "target_parameters | [\"x\"]",
        "layers_pattern | \"layers\"",
        "layer_replication | [[0, 1]]",
        "trainable_token_indices | [3]",
        "alora_invocation_tokens | [3]",
        "use_qalora | true",
        "init_lora_weights | \"loftq\"",
        "init_lora_weights | \"pissa\"",
        "init_lora_weights | \"mica\"",
        "peft_type | \"IA3\"",
        "some_future_key | 3",
        "r | 0",
        "lora_alpha | \"x\"",
        "lora_dropout | \"x\"",
        "lora_dropout | 1",
        "target_modules | []",
        "target_modules | [1]",
        "target_modules | \"(\"",
        "target_modules | null"
      })
  void whatWouldChangeTheResultsIsRefusedByItsKey(String key, String value) {
    var e =
        assertThrows(
            IllegalArgumentException.class, () -> read("{\"%s\": %s}".formatted(key, value)));
    assertTrue(e.getMessage().contains(PeftConfig.FILE + ": " + key), e.getMessage());
  }

  @Test
  void aKeyAndItsValueAreShownInOneShortLine() {
    String key = "k\\n".repeat(300);
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> read("{\"%s\": \"%s\"}".formatted(key, "v".repeat(5000))));
    assertTrue(e.getMessage().length() < 1000 && e.getMessage().lines().count() == 1);
  }

  @ParameterizedTest
  @ValueSource(ints = {5_001, 1_000_000})
  void aPatternThatIsTooLongIsRefused(int groups) {
    String pattern = "(".repeat(groups) + ")".repeat(groups);
    var e = assertThrows(IllegalArgumentException.class, () -> new PeftTargets(List.of(), pattern));
    assertTrue(e.getMessage().contains("is over the limit of 10000"), e.getMessage());
  }

  @Test
  void whatPeftAcceptsIsRead() throws IOException {
    assertEquals(
        PeftTargets.of(List.of("all-linear")),
        read("{\"target_modules\": \"ALL-LINEAR\"}").targets());
    PeftConfig partly = read("{\"target_modules\": [\"q_proj\", \"c_attn\"]}");
    assertEquals(2, partly.toLoraConfig(decoder(), "adapter").targets().size());
    PeftConfig output = read("{\"target_modules\": [\"q_proj\", \"lm_head\"]}");
    assertThrows(IllegalArgumentException.class, () -> output.toLoraConfig(decoder(), "adapter"));
    PeftConfig none = read("{\"target_modules\": [\"c_attn\"]}");
    var e =
        assertThrows(IllegalArgumentException.class, () -> none.toLoraConfig(decoder(), "adapter"));
    assertTrue(
        e.getMessage().startsWith("adapter: [c_attn] matches no linear map"), e.getMessage());
  }

  @Test
  void aFileThatIsNotThereIsNamed() {
    var e = assertThrows(IllegalArgumentException.class, () -> PeftConfig.read(directory));
    assertTrue(e.getMessage().contains(PeftConfig.FILE), e.getMessage());
  }

  @Test
  void namesMeetTheModulesThatEndWithThem() {
    assertEquals(
        Map.of(
            "layer-0-query", List.of("W"),
            "layer-1-query", List.of("W"),
            "layer-1-mlp", List.of("Wup")),
        targets(PeftTargets.of(List.of("q_proj", "1.mlp.up_proj"))));
  }

  @Test
  void aPatternMeetsWholeNames() {
    assertEquals(
        Map.of("layer-1-projection", List.of("W"), "layer-1-mlp", List.of("Wdown")),
        targets(new PeftTargets(List.of(), ".*layers\\.1\\..*(o_proj|down_proj)")));
    assertThrows(
        IllegalArgumentException.class, () -> targets(new PeftTargets(List.of(), "q_proj")));
  }

  @Test
  void allLinearLeavesOutOutputAndEmbedding() {
    Map<String, List<String>> all = targets(PeftTargets.of(List.of("all-linear")));
    assertEquals(10, all.size(), "four projections and the feed-forward part of two layers");
    assertEquals(List.of("Wgate", "Wup", "Wdown"), all.get("layer-0-mlp"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"lm_head", "embed_tokens", "input_layernorm", "proj", "c_attn"})
  void aNameThatIsNoLinearMapIsRefused(String name) {
    var e =
        assertThrows(
            IllegalArgumentException.class, () -> targets(PeftTargets.of(List.of("q_proj", name))));
    assertTrue(e.getMessage().contains("\"" + name + "\" is no linear map"), e.getMessage());
    assertTrue(e.getMessage().contains("[q_proj, k_proj, v_proj, o_proj"), e.getMessage());
  }

  @Test
  void theScaleIsThatOfPeft() {
    assertEquals(1.5, new LoraConfig(4, 6, false, 0, Map.of()).scale());
    assertEquals(3, new LoraConfig(4, 6, true, 0, Map.of()).scale());
  }
}
