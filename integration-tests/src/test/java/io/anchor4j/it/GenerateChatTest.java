package io.anchor4j.it;

import static io.anchor4j.it.GenerateCommand.assertRefused;
import static io.anchor4j.it.GenerateCommand.ids;
import static io.anchor4j.it.GenerateCommand.modelWithTokenizer;
import static io.anchor4j.it.GenerateCommand.run;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code generate --chat}: prompts that a chat template lays out. */
class GenerateChatTest {
  private static final String TEMPLATE =
      "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}END{% endfor %}"
          + "{% if add_generation_prompt %}[assistant]{% endif %}";

  @TempDir Path directory;
  private Path model;

  @BeforeEach
  void model() throws IOException {
    model = modelWithTokenizer(directory);
    Files.writeString(model.resolve("chat_template.jinja"), TEMPLATE);
  }

  private int[] generated(Object... more) throws IOException {
    List<Object> words = new ArrayList<>(List.of(more));
    words.addAll(List.of("--max-new-tokens", 16, "--json"));
    return ids(run(model, words.toArray()).out());
  }

  private int[] after(String text) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(model)) {
      String ids =
          Arrays.stream(tokenizer.encode(text))
              .mapToObj(String::valueOf)
              .collect(Collectors.joining(","));
      return generated("--prompt-ids", ids, "--ignore-eos");
    }
  }

  @Test
  void thePromptIsTheUsersMessageAndTheAssistantsTurnIsOpen() throws IOException {
    assertArrayEquals(
        after("<s>[user] int x;END[assistant]"),
        generated("--chat", "--prompt", "int x;", "--ignore-eos"));
    assertArrayEquals(
        after("<s>[system] class YEND[user] int x;END[assistant]"),
        generated("--chat", "--system", "class Y", "--prompt", "int x;", "--ignore-eos"));
  }

  /** The model's files know no such end: the template alone has it. */
  @Test
  void aRowEndsBehindTheTokenThatEndsATurn() throws IOException {
    int[] endless = generated("--chat", "--prompt", "int x;", "--ignore-eos");
    String end;
    try (Tokenizer tokenizer = Tokenizer.load(model)) {
      String described = tokenizer.describe(endless[2]);
      end = described.substring(0, described.lastIndexOf(" (id "));
    }
    var mapper = new ObjectMapper();
    Path file = model.resolve("tokenizer_config.json");
    ObjectNode config = (ObjectNode) mapper.readTree(file.toFile());
    config.putArray("additional_special_tokens").add(end);
    mapper.writeValue(file.toFile(), config);
    String template = TEMPLATE.replace("END", "END{% if m.role == 'assistant' %}%s{% endif %}");
    Files.writeString(model.resolve("chat_template.jinja"), template.replace("%s", end));
    int at = 0;
    while (endless[at] != endless[2]) {
      at++;
    }
    assertArrayEquals(
        Arrays.copyOf(endless, at + 1), generated("--chat", "--prompt", "int x;"), end);
  }

  /** Which are seen under full alone. */
  @Test
  void aMessageMayFollowDocuments() throws IOException {
    Object[] words = {"--chat", "--prompt", "int x;", "--ignore-eos"};
    List<Object> behind = new ArrayList<>(List.of("--document", "package one;"));
    behind.addAll(List.of(words));
    assertFalse(Arrays.equals(generated(words), generated(behind.toArray())));
    behind.addAll(List.of("--attention", "intra-document"));
    assertArrayEquals(generated(words), generated(behind.toArray()));
  }

  @Test
  void whatDoesNotGoTogetherIsNamed() throws IOException {
    Object[] ids = {"--prompt-ids", "1,2", "--max-new-tokens", 3, "--chat"};
    assertRefused("--chat needs --prompt: ids are taken as they are", model, ids);
    Object[] system = {"--prompt", "x", "--system", "y", "--max-new-tokens", 3};
    assertRefused("--system needs --chat", model, system);
    Files.delete(model.resolve("chat_template.jinja"));
    Object[] chat = {"--prompt", "x", "--chat", "--max-new-tokens", 3};
    assertRefused(
        "the tokenizer in " + model + " has no chat template, which \"messages\" need",
        model,
        chat);
  }
}
