package io.anchor4j.huggingface.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.common.base.VerifyException;
import com.google.common.io.Resources;
import io.anchor4j.data.ChatMessage;
import io.anchor4j.data.EncoderException;
import io.anchor4j.huggingface.json.JsonFields;
import io.roastedroot.quickjs4j.core.Builtins;
import io.roastedroot.quickjs4j.core.Engine;
import io.roastedroot.quickjs4j.core.Runner;
import java.io.IOException;
import java.net.URL;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import run.endive.runtime.ByteArrayMemory;
import run.endive.wasm.types.MemoryLimits;

/**
 * The text of a conversation, as a model's chat template (Jinja) lays it out.
 *
 * <p>Templates are programs from outside. They run in Hugging Face's own Jinja interpreter for chat
 * templates, which is JavaScript, in QuickJS, which is WebAssembly compiled to Java: they see the
 * conversation, the special tokens and the time, and no file, class or network. A run may take a
 * minute and 256 MiB. What the interpreter does otherwise than Python's is refused, not rendered
 * (chat-template.js).
 *
 * <p>Not safe for use by several threads.
 */
final class ChatTemplate implements AutoCloseable {
  private static final int TIMEOUT_MILLIS = 60_000;
  private static final int WASM_PAGES = 4096; // of 64 KiB
  private static final long LONGEST_FILE_BYTES = 1 << 20; // models have under 20 KiB
  private static final String[] LIBRARY = {"huggingface-jinja-0.5.11.js", "chat-template.js"};

  private final String source;
  private final String template;
  private final Map<String, String> specialTokens;
  private final Supplier<LocalDateTime> clock;
  private final AtomicReference<String> request = new AtomicReference<>();
  private final AtomicReference<String> answer = new AtomicReference<>();
  private Runner runner; // null: not needed yet, or ended
  private byte[] program;

  private ChatTemplate(
      String source,
      String template,
      Map<String, String> specialTokens,
      Supplier<LocalDateTime> clock) {
    this.source = source;
    this.template = template;
    this.specialTokens = specialTokens;
    this.clock = clock;
  }

  /**
   * Reads the template of a tokenizer's directory: chat_template.jinja, or {@code chat_template} in
   * tokenizer_config.json, which is a text or a list of named ones, of which "default" counts.
   *
   * @throws EncoderException if a file is not what it should be
   * @throws IOException if one cannot be read
   */
  static Optional<ChatTemplate> read(Path directory, TokenizerFiles files) throws IOException {
    return read(directory, files, LocalDateTime::now);
  }

  static Optional<ChatTemplate> read(
      Path directory, TokenizerFiles files, Supplier<LocalDateTime> clock) throws IOException {
    Map<String, String> specialTokens = files.specialTokens();
    Path file = directory.resolve("chat_template.jinja");
    if (Files.isRegularFile(file)) {
      return Optional.of(new ChatTemplate(file.toString(), text(file), specialTokens, clock));
    }
    JsonFields config = files.config();
    JsonNode value = config.json().path("chat_template");
    for (JsonNode named : value.isArray() ? value : JsonFields.MAPPER.createArrayNode()) {
      if (named.path("name").asText().equals("default")) {
        value = named.path("template");
      }
    }
    if (value.isMissingNode() || value.isNull()) {
      return Optional.empty();
    }
    if (!value.isTextual()) {
      RuntimeException wrong =
          config.wrong("chat_template", "a text, or a list with one named default");
      throw new EncoderException(wrong.getMessage(), wrong);
    }
    return Optional.of(
        new ChatTemplate(
            config.source() + ": chat_template", value.textValue(), specialTokens, clock));
  }

  private static String text(Path file) throws IOException {
    long bytes = Files.size(file);
    if (bytes > LONGEST_FILE_BYTES) {
      throw new EncoderException(
          file + ": " + bytes + " bytes are over the limit of " + LONGEST_FILE_BYTES, null);
    }
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new EncoderException(file + ": the text is not UTF-8", e);
    }
  }

  /**
   * Returns the text of a conversation.
   *
   * @param generationPrompt whether the text ends with the opening of the assistant's next turn
   * @throws EncoderException if the template cannot be parsed
   * @throws IllegalArgumentException if the template refuses the conversation, uses what is not
   *     supported, or takes too long
   */
  String render(List<ChatMessage> messages, boolean generationPrompt) {
    ObjectNode json = JsonFields.MAPPER.createObjectNode().put("template", template);
    LocalDateTime now = clock.get();
    json.putObject("now")
        .put("year", now.getYear())
        .put("month", now.getMonthValue())
        .put("day", now.getDayOfMonth())
        .put("weekday", now.getDayOfWeek().getValue() % 7)
        .put("hour", now.getHour())
        .put("minute", now.getMinute())
        .put("second", now.getSecond());
    ObjectNode context = json.putObject("context");
    ArrayNode turns = context.putArray("messages");
    for (ChatMessage message : messages) {
      turns.addObject().put("role", message.role()).put("content", message.content());
    }
    context.put("add_generation_prompt", generationPrompt).putNull("tools").putNull("documents");
    specialTokens.forEach(context::put);
    JsonNode result = run(json.toString());
    if (result.has("text")) {
      return result.get("text").textValue();
    }
    String message = source + ": " + result.path("error").asText();
    throw result.path("parsed").asBoolean()
        ? new IllegalArgumentException(message)
        : new EncoderException(message, null);
  }

  private JsonNode run(String json) {
    request.set(json);
    answer.set(null);
    try {
      if (runner == null) {
        runner = start();
        program = runner.compile(library());
      }
      runner.exec(program);
      return JsonFields.MAPPER.readTree(answer.get());
    } catch (JsonProcessingException e) {
      throw new VerifyException("the template's answer is JSON", e);
    } catch (RuntimeException e) {
      close(); // after a run that was cut off, the engine's state is unknown
      throw new IllegalArgumentException(
          source
              + ": the chat template was ended: it may take a minute and 256 MiB ("
              + e.getMessage()
              + ")",
          e);
    }
  }

  private Runner start() {
    Builtins host =
        Builtins.builder("host")
            .addVoidToString("request", request::get)
            .addStringToVoid("answer", answer::set)
            .build();
    Engine engine =
        Engine.builder()
            .addBuiltins(host)
            .withMemoryFactory(
                limits -> new ByteArrayMemory(new MemoryLimits(limits.initialPages(), WASM_PAGES)))
            .build();
    return Runner.builder()
        .withEngine(engine)
        .withTimeoutMs(TIMEOUT_MILLIS)
        .withCompilationTimeoutMs(TIMEOUT_MILLIS)
        .build();
  }

  private static String library() {
    var text = new StringBuilder("(function () {\n");
    for (String name : LIBRARY) {
      URL resource = Resources.getResource(ChatTemplate.class, name);
      try {
        String script = Resources.toString(resource, StandardCharsets.UTF_8);
        // The library is a module; here all is one scope.
        int exports = script.lastIndexOf("\nexport {");
        text.append(exports < 0 ? script : script.substring(0, exports)).append('\n');
      } catch (IOException e) {
        throw new VerifyException(name + " is in the jar", e);
      }
    }
    return text.append("})();").toString();
  }

  @Override
  public void close() {
    if (runner != null) {
      runner.close();
      runner = null;
    }
  }
}
