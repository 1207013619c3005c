package io.anchor4j.it;

import static io.anchor4j.it.GenerateCommand.assertRefused;
import static io.anchor4j.it.GenerateCommand.ids;
import static io.anchor4j.it.GenerateCommand.run;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code generate}: ids and texts, streams and batches, stops and refusals. */
class GenerateTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path MODEL = Fixture.named("llama-gqa").directory();

  @TempDir static Path directory;

  private static int[] greedy(Object... more) throws IOException {
    List<Object> words = new ArrayList<>(List.of("--max-new-tokens", 12, "--ignore-eos", "--json"));
    words.addAll(List.of(more));
    return ids(run(MODEL, words.toArray()).out());
  }

  @Test
  void aPromptIsOneDocumentUnderEveryMask() throws IOException {
    int[] full = greedy("--prompt-ids", "5,9,33,4");
    assertEquals(12, full.length);
    for (String mask : Fixture.MASKS) {
      for (String positions : Fixture.POSITIONS) {
        assertArrayEquals(
            full,
            greedy("--prompt-ids", "5,9,33,4", "--attention", mask, "--positions", positions));
      }
    }
  }

  @Test
  void withoutTokenizerIdsAreStreamedAndTextIsNull() throws IOException {
    int[] expected = greedy("--prompt-ids", "5,9,33,4");
    String line =
        Arrays.stream(expected).mapToObj(String::valueOf).collect(Collectors.joining(","));
    Cli run = run(MODEL, "--prompt-ids", "5, 9,33,4", "--max-new-tokens", 12, "--ignore-eos");
    assertEquals(line + System.lineSeparator(), run.out());
    assertEquals("", run.err());
    Cli json = run(MODEL, "--prompt-ids", "5", "--max-new-tokens", 1, "--json");
    assertTrue(JSON.readTree(json.out()).get("text").isNull(), json.out());
  }

  @Test
  void aBatchGivesALineForEachPrompt() throws IOException {
    String[] prompts = {"5,9,33,4", "8", "2,2,2,90,17,61,3"};
    List<Object> words = new ArrayList<>(List.of("--max-new-tokens", 12, "--ignore-eos", "--json"));
    for (String prompt : prompts) {
      words.addAll(List.of("--prompt-ids", prompt));
    }
    List<String> lines = run(MODEL, words.toArray()).out().lines().toList();
    assertEquals(prompts.length, lines.size());
    for (int b = 0; b < prompts.length; b++) {
      assertArrayEquals(greedy("--prompt-ids", prompts[b]), ids(lines.get(b)), prompts[b]);
    }
  }

  @Test
  void drawsFollowTheSeed() throws IOException {
    Object[] drawn = {
      "--prompt-ids", "5,9", "--temperature", "2", "--top-k", "40", "--top-p", "0.95"
    };
    List<Object> words = new ArrayList<>(List.of(drawn));
    words.addAll(List.of("--seed", 3));
    int[] one = greedy(words.toArray());
    assertArrayEquals(one, greedy(words.toArray()));
    assertFalse(Arrays.equals(one, greedy(drawn)), "seed 3 and seed 0");
    // Of one token, the likeliest, nothing is left to draw.
    assertArrayEquals(
        greedy("--prompt-ids", "5,9"),
        greedy("--prompt-ids", "5,9", "--temperature", "2", "--top-k", "1", "--seed", 3));
  }

  /** The end ids of generation_config.json count, one or several, then those of config.json. */
  @Test
  void rowsStopBehindAnEndId() throws IOException {
    int[] endless = greedy("--prompt-ids", "5,9,33,4");
    int stop = endless[3];
    int at = 0;
    while (endless[at] != stop) {
      at++;
    }
    int[] expected = Arrays.copyOf(endless, at + 1);
    Path model = Files.createDirectory(directory.resolve("stops"));
    Files.copy(MODEL.resolve("model.safetensors"), model.resolve("model.safetensors"));
    String config = Files.readString(MODEL.resolve("config.json"));
    Files.writeString(model.resolve("config.json"), config);
    for (String ids : new String[] {String.valueOf(stop), "[95, " + stop + "]"}) {
      Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": " + ids + "}");
      assertStops(expected, model);
    }
    Files.delete(model.resolve("generation_config.json"));
    Files.writeString(
        model.resolve("config.json"),
        config.replaceFirst("\"eos_token_id\": 2", "\"eos_token_id\": " + stop));
    assertStops(expected, model);
    Cli on =
        run(model, "--prompt-ids", "5,9,33,4", "--max-new-tokens", 12, "--json", "--ignore-eos");
    assertArrayEquals(endless, ids(on.out()));
  }

  /** From generation_config.json, unless the option says otherwise; what is ignored is named. */
  @Test
  void generationConfigsPenaltyHoldsUnlessOverridden() throws IOException {
    Path model = Files.createDirectory(directory.resolve("penalty"));
    for (String name : new String[] {"model.safetensors", "config.json"}) {
      Files.copy(MODEL.resolve(name), model.resolve(name));
    }
    Files.writeString(
        model.resolve("generation_config.json"),
        "{\"repetition_penalty\": 3.0, \"no_repeat_ngram_size\": 2, \"min_length\": 0}");
    Object[] words = {"--prompt-ids", "5,9,33,4", "--max-new-tokens", 12, "--json", "--ignore-eos"};
    Cli shipped = run(model, words);
    assertEquals(
        "generation_config.json: ignored, though transformers may choose other tokens by it:"
            + " no_repeat_ngram_size\n",
        shipped.err());
    int[] plain = greedy("--prompt-ids", "5,9,33,4");
    int[] penalized = greedy("--prompt-ids", "5,9,33,4", "--repetition-penalty", "3");
    assertFalse(Arrays.equals(plain, penalized));
    assertArrayEquals(penalized, ids(shipped.out()));
    // From generate(repetition_penalty=3.0) of transformers 5.23.
    assertArrayEquals(new int[] {62, 0, 84, 91, 66, 6, 36, 77, 80, 46, 93, 23}, penalized);
    List<Object> off = new ArrayList<>(List.of(words));
    off.addAll(List.of("--repetition-penalty", "1"));
    assertArrayEquals(plain, ids(run(model, off.toArray()).out()));
  }

  /** Where generation_config.json is missing, transformers takes config.json's, else not. */
  @Test
  void configsPenaltyHoldsWithoutAGenerationConfig() throws IOException {
    Path model = Files.createDirectory(directory.resolve("config-penalty"));
    Files.copy(MODEL.resolve("model.safetensors"), model.resolve("model.safetensors"));
    ObjectNode config = (ObjectNode) JSON.readTree(MODEL.resolve("config.json").toFile());
    config.put("repetition_penalty", 1.7).put("no_repeat_ngram_size", 2);
    JSON.writeValue(model.resolve("config.json").toFile(), config);
    Object[] words = {"--prompt-ids", "1,7,9,9,30,4,8", "--max-new-tokens", 12, "--json"};
    Cli run = run(model, words);
    assertEquals(
        "config.json: ignored, though transformers may choose other tokens by it:"
            + " no_repeat_ngram_size\n",
        run.err());
    // From generate() of transformers 5.23, without the n-grams.
    assertArrayEquals(new int[] {20, 69, 6, 95, 46, 73, 63, 84, 29, 55, 23, 50}, ids(run.out()));
    Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": 2}");
    assertArrayEquals(
        new int[] {20, 69, 6, 95, 95, 46, 73, 63, 84, 77, 56, 56}, ids(run(model, words).out()));
  }

  @Test
  void whatDoesNothingAtTemperature0IsNoted() {
    Object[] words = {"--prompt-ids", "5,9", "--max-new-tokens", 2, "--seed", 3, "--top-k", 5};
    assertEquals(
        "at temperature 0 the likeliest token is taken, whatever --top-k, --seed may be; add"
            + " --temperature 1 to draw tokens\n",
        run(MODEL, words).err());
    List<Object> warm = new ArrayList<>(List.of(words));
    warm.addAll(List.of("--temperature", 1));
    assertEquals("", run(MODEL, warm.toArray()).err());
  }

  private static void assertStops(int[] expected, Path model) throws IOException {
    Cli run = run(model, "--prompt-ids", "5,9,33,4", "--max-new-tokens", 12, "--json");
    assertArrayEquals(expected, ids(run.out()));
  }

  @Test
  void contextBeyondTheModelsIsWarnedOfOnce() {
    Cli run = run(MODEL, "--prompt-ids", "5,9", "--max-new-tokens", 63, "--json", "--ignore-eos");
    assertEquals(
        "prompt and new tokens may take 65 positions, more than the 64 the model is meant for"
            + " (max_position_embeddings)\n",
        run.err());
    assertEquals("", run(MODEL, "--prompt-ids", "5", "--max-new-tokens", 63, "--json").err());
  }

  @Test
  void badInputIsNamed() throws IOException {
    assertRefused("--prompt or --prompt-ids is missing", MODEL, "--max-new-tokens", 3);
    Object[] ids = {"--prompt-ids", "1,2", "--max-new-tokens", 3};
    assertRefused(
        "--prompt-ids must be token ids such as 1,2,3, got \"1,,2\"",
        MODEL,
        "--prompt-ids",
        "1,,2",
        "--max-new-tokens",
        3);
    int size = JSON.readTree(MODEL.resolve("config.json").toFile()).get("vocab_size").intValue();
    assertRefused(
        "--prompt-ids: id %d is outside the model's vocabulary of %d tokens (0 to %d)"
            .formatted(size, size, size - 1),
        MODEL,
        "--prompt-ids",
        "3," + size,
        "--max-new-tokens",
        3);
    assertRefused(
        "--max-new-tokens must be 1 or more, got 0",
        MODEL,
        "--prompt-ids",
        3,
        "--max-new-tokens",
        0);
    List<Object> hot = new ArrayList<>(List.of(ids));
    hot.addAll(List.of("--temperature", "-1"));
    assertRefused(
        "--temperature must be 0 (for the likeliest token) or more, got -1.0",
        MODEL,
        hot.toArray());
    assertRefused(
        MODEL.resolve("tokenizer.json")
            + ": there is no such file; a tokenizer is needed in the tokenizer.json format of"
            + " Hugging Face",
        MODEL,
        "--prompt",
        "text",
        "--max-new-tokens",
        3);
  }
}
