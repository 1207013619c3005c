package io.anchor4j.training;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.google.common.base.Splitter;
import io.anchor4j.attention.CliNames;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Turns the text of a run file into a {@link RunConfig} and back. */
final class RunFile {
  private static final YAMLMapper YAML =
      YAMLMapper.builder()
          .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
          .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
          .enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .addModule(new SimpleModule().addSerializer(new EnumWords()))
          .build();

  private RunFile() {}

  static RunConfig read(Path file, List<String> overrides) {
    if (Files.isDirectory(file)) {
      throw new IllegalArgumentException(file + " is a directory; a run file (YAML) is expected");
    }
    String text;
    try {
      text = Files.readString(file);
    } catch (NoSuchFileException e) {
      throw new IllegalArgumentException(file + ": there is no such run file", e);
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(
          file + " is not text in UTF-8; a run file (YAML) is expected", e);
    } catch (IOException e) {
      throw new IllegalArgumentException(file + ": the run file cannot be read: " + e, e);
    }
    return parse(text, file.toString(), overrides);
  }

  /**
   * Reads the text of a run file.
   *
   * @param source what messages call it
   * @throws IllegalArgumentException as {@link RunConfig#read} does
   */
  static RunConfig parse(String text, String source, List<String> overrides) {
    JsonNode tree = tree(text, source);
    if (tree.isMissingNode() || tree.isNull()) {
      tree = YAML.createObjectNode();
    }
    if (!(tree instanceof ObjectNode root)) {
      throw new IllegalArgumentException(source + ": a run file is a mapping of keys to values");
    }
    for (String override : overrides) {
      override(root, override);
    }
    RunFileKeys.refuseUnknown(source, root);
    return RunSettings.read(new RunFileSection(source, "", root));
  }

  static String write(RunConfig config) {
    try {
      return YAML.writeValueAsString(config);
    } catch (JacksonException e) {
      throw new AssertionError("records of numbers, words and lists always have a YAML form", e);
    }
  }

  /** Returns the configuration as the tree of its run file, all defaults filled in. */
  static JsonNode tree(RunConfig config) {
    return tree(write(config), "run file");
  }

  private static JsonNode tree(String text, String source) {
    try {
      return YAML.readTree(text);
    } catch (JacksonException e) {
      String where = e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
      String what = e.getOriginalMessage().lines().findFirst().orElse("unreadable");
      throw new IllegalArgumentException(source + where + ": not YAML: " + what, e);
    }
  }

  /** Puts the value of {@code key.path=value} into the tree. */
  private static void override(ObjectNode root, String override) {
    int equals = override.indexOf('=');
    List<String> path = Splitter.on('.').splitToList(override.substring(0, Math.max(0, equals)));
    if (equals < 1 || path.contains("")) {
      throw new IllegalArgumentException(
          "an override must be key.path=value, such as training.steps=100, got " + override);
    }
    ObjectNode node = root;
    for (String key : path.subList(0, path.size() - 1)) {
      JsonNode below = node.path(key);
      if (below.isMissingNode() || below.isNull()) {
        below = node.putObject(key);
      }
      if (!(below instanceof ObjectNode object)) {
        throw new IllegalArgumentException(
            "the override %s needs a mapping at %s, which holds %s"
                .formatted(override, key, below));
      }
      node = object;
    }
    JsonNode value = tree(override.substring(equals + 1), "the value of " + override);
    node.set(path.get(path.size() - 1), value.isMissingNode() ? root.nullNode() : value);
  }

  /** Writes every enum as its word: lower case, with hyphens. */
  private static final class EnumWords extends StdSerializer<Enum<?>> {
    private static final long serialVersionUID = 1;

    EnumWords() {
      super(Enum.class, false);
    }

    @Override
    public void serialize(Enum<?> value, JsonGenerator generator, SerializerProvider provider)
        throws IOException {
      generator.writeString(CliNames.of(value));
    }
  }
}
