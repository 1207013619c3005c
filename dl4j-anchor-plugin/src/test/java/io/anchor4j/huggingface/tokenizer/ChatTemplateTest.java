package io.anchor4j.huggingface.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.anchor4j.data.BadLines;
import io.anchor4j.data.ChatMessage;
import io.anchor4j.data.EncoderException;
import io.anchor4j.data.JsonlReader;
import io.anchor4j.huggingface.json.JsonFields;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatTemplateTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/chat");
  private static final String CONFIG =
      "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"chat_template\": %s}";

  @TempDir Path directory;

  @BeforeEach
  void tokenizer() throws IOException {
    ByteLevelTokenizer.write(directory, ByteLevelTokenizer.json());
  }

  private ChatTemplate open(String template) throws IOException {
    String json = JsonFields.MAPPER.writeValueAsString(template);
    Files.writeString(directory.resolve("tokenizer_config.json"), CONFIG.formatted(json));
    return ChatTemplate.read(
            directory, TokenizerFiles.read(directory), () -> LocalDateTime.of(2026, 3, 7, 12, 5, 9))
        .orElseThrow();
  }

  /** Against what transformers rendered: make_chat_goldens.py. */
  @Test
  void textIsThatOfTransformersOrTheConversationIsRefusedAsThere() throws IOException {
    JsonNode expected = JsonFields.MAPPER.readTree(GOLDEN.resolve("expected.json").toFile());
    assertEquals(9, expected.size());
    for (Map.Entry<String, JsonNode> file : expected.properties()) {
      try (ChatTemplate template = open(Files.readString(GOLDEN.resolve(file.getKey())))) {
        for (JsonNode row : file.getValue()) {
          List<ChatMessage> messages = new ArrayList<>();
          for (JsonNode message : row.get("messages")) {
            messages.add(
                new ChatMessage(message.get("role").asText(), message.get("content").asText()));
          }
          String text;
          try {
            text = template.render(messages, row.get("prompt").asBoolean());
          } catch (IllegalArgumentException e) {
            assertNull(row.get("text").textValue(), file.getKey() + ": " + e.getMessage());
            continue;
          }
          assertEquals(row.get("text").textValue(), text, file.getKey());
        }
      }
    }
  }

  @Test
  void whatWouldDifferFromPythonIsRefusedByName() throws IOException {
    String[][] refused = {
      {"{{ true }}", "printing a BooleanValue is not supported"},
      {"{{ messages }}", "printing a ArrayValue is not supported"},
      {"{{ messages[9].role }}", "a member of what is not defined is not supported"},
      {"{{ 'a' + 1 }}", "+ of a StringValue and a IntegerValue is not supported"},
      {"{{ (0 - 7) % 3 }}", "% of a negative number is not supported"},
      {"{{ 'a'.title() }}", "not a function"},
      {"{{ 'a' | nosuch }}", "nosuch"},
      {"{{ strftime_now('%j') }}", "strftime_now with %j is not supported"},
      {"{{ raise_exception('only two turns') }}", "only two turns"},
      {"{% include 'secret' %}", "include"},
    };
    for (String[] pair : refused) {
      try (ChatTemplate template = open(pair[0])) {
        var e =
            assertThrows(
                IllegalArgumentException.class,
                () -> template.render(List.of(new ChatMessage("user", "a")), false),
                pair[0]);
        assertTrue(e.getMessage().contains(pair[1]), e.getMessage());
        assertTrue(e.getMessage().contains("tokenizer_config.json: chat_template: "));
      }
    }
  }

  @Test
  void comparisonsAndNamesAreThoseOfPython() throws IOException {
    String template =
        "{% if '1' == 1 %}a{% endif %}{% if none == nothing %}b{% endif %}"
            + "{% if messages[0] == {'role': 'user', 'content': 'x'} %}c{% endif %}"
            + "{{ host }}{{ request }}{{ bos_token }}{{ '\ud83d\ude00' | length }}"
            + "{{ '--x-'.strip('-') }}";
    try (ChatTemplate open = open(template)) {
      assertEquals("c<s>1x", open.render(List.of(new ChatMessage("user", "x")), false));
    }
  }

  @Test
  void aFileThatIsNotUtf8OrTooLongIsNamed() throws IOException {
    Path file = directory.resolve("chat_template.jinja");
    Files.write(file, new byte[] {'a', (byte) 0xff});
    assertEquals(file + ": the text is not UTF-8", refusal());
    Files.write(file, new byte[(1 << 20) + 1]);
    assertEquals(file + ": 1048577 bytes are over the limit of 1048576", refusal());
  }

  private String refusal() {
    return assertThrows(
            EncoderException.class,
            () -> ChatTemplate.read(directory, TokenizerFiles.read(directory)))
        .getMessage();
  }

  /** What the template does with a conversation is that line's matter, how it is written is not. */
  @Test
  void aTemplateThatCannotBeParsedIsNoLinesFault() throws IOException {
    Path template = directory.resolve("chat_template.jinja");
    Path data = directory.resolve("data.jsonl");
    Files.writeString(data, "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n");
    Files.writeString(template, "{% if %}");
    assertEquals(EncoderException.class, failure(data).getClass());
    assertTrue(failure(data).getMessage().startsWith(template + ": "));
    Files.writeString(template, "{{ raise_exception('no') }}");
    assertEquals(data + ", line 1: " + template + ": no", failure(data).getMessage());
  }

  private RuntimeException failure(Path data) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(directory);
        var lines = JsonlReader.raw(List.of(data), tokenizer, 260, BadLines.refuse())) {
      return assertThrows(IllegalArgumentException.class, lines::next);
    }
  }

  @Test
  void theTokenThatEndsATurnIsTheTemplates() throws IOException {
    String[][] ends = {
      {"{% for m in messages %}<s>{{ m.content }}{{ ' x</s>' }}{% endfor %}<pad>", "258"},
      {"{% for m in messages %}<s>{{ m.content }}{% endfor %}", ""},
      {"{% for m in messages %}<s>answer {{ m.content }}</answer></s>{% endfor %}", "258"},
      {"<s>{{ messages[0].content }}</s>", ""},
      {"{% if messages | length > 1 %}{{ raise_exception('one') }}{% endif %}</s>", ""},
    };
    for (String[] end : ends) {
      Files.writeString(directory.resolve("chat_template.jinja"), end[0]);
      try (Tokenizer tokenizer = Tokenizer.load(directory)) {
        OptionalInt id = tokenizer.turnEndId();
        assertEquals(end[1], id.isPresent() ? String.valueOf(id.getAsInt()) : "");
      }
    }
  }

  @Test
  void theDefaultOfSeveralAndTheFileOfItsOwnAreFound() throws IOException {
    Files.writeString(
        directory.resolve("tokenizer_config.json"),
        "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"t\"},"
            + " {\"name\": \"default\", \"template\": \"he</s>{{ messages[0].content }}\"}]}");
    List<ChatMessage> messages = List.of(new ChatMessage("user", "he"));
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      assertEquals("he</s>he", tokenizer.chat(messages, false));
      assertArrayEquals(new int[] {256, ByteLevelTokenizer.END, 256}, tokenizer.encode(messages));
    }
    Files.writeString(directory.resolve("chat_template.jinja"), "own");
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      assertEquals("own", tokenizer.chat(messages, false));
    }
  }

  @Test
  void aTokenizerWithoutATemplateSaysSo() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      var e =
          assertThrows(
              IllegalArgumentException.class,
              () -> tokenizer.encode(List.of(new ChatMessage("user", "a"))));
      assertTrue(e.getMessage().contains("has no chat template"), e.getMessage());
    }
  }
}
