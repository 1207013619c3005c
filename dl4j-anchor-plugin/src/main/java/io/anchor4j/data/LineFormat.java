package io.anchor4j.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The three kinds of line, read as a stream of JSON tokens.
 *
 * <p>No tree is built: a line of 128K ids would cost an object an id. Integers are strictly
 * integers, since a 1.0 or a "1" where an id belongs shows that something upstream rounds or
 * quotes. Keys that a format does not know are passed over, as data sets carry fields of their own.
 */
final class LineFormat {
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(LineReader.MAX_LINE_BYTES) // Jackson's own limit is 100 MB.
                  .build())
          .build();

  private LineFormat() {}

  /** Reads the fields of one line. */
  interface Fields {
    /** Reads the value at which {@code parser} stands, or returns false to pass over it. */
    boolean read(String key, JsonParser parser) throws IOException;
  }

  /** A raw document: one of the two, the other null. */
  record Raw(String text, List<ChatMessage> messages) {}

  /** Returns the document of a raw line. */
  static Raw raw(String line) throws IOException {
    String[] text = new String[1];
    List<ChatMessage> messages = new ArrayList<>();
    List<String> keys =
        readObject(
            line,
            (key, parser) -> {
              switch (key) {
                case "text" -> text[0] = string(key, parser);
                case "messages" -> readMessages(parser, messages);
                default -> {
                  return false;
                }
              }
              return true;
            });
    if (messages.isEmpty()) {
      require("\"text\" or \"messages\"", text[0], keys);
    } else if (text[0] != null) {
      throw new IllegalArgumentException("both \"text\" and \"messages\": expected one of them");
    }
    return new Raw(text[0], messages.isEmpty() ? null : messages);
  }

  private static void readMessages(JsonParser parser, List<ChatMessage> messages)
      throws IOException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw wrongType("\"messages\"", "an array of objects", parser);
    }
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      String name = "messages[" + messages.size() + "]";
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw wrongType("\"" + name + "\"", "an object", parser);
      }
      String role = null;
      String content = null;
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        parser.nextToken();
        switch (key) {
          case "role" -> role = string(name + ".role", parser);
          case "content" -> content = string(name + ".content", parser);
          default ->
              throw new IllegalArgumentException(
                  name + " has \"" + key + "\": only \"role\" and \"content\" are supported");
        }
      }
      if (role == null || content == null) {
        throw new IllegalArgumentException(
            name + " has no \"" + (role == null ? "role" : "content") + "\"");
      }
      messages.add(new ChatMessage(role, content));
    }
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("\"messages\" is empty");
    }
  }

  /** Returns the documents of a tokenized line, in their order. */
  static List<int[]> tokenized(String line) throws IOException {
    int[][] found = new int[2][]; // ids, ends
    List<String> keys =
        readObject(
            line,
            (key, parser) -> {
              switch (key) {
                case "input_ids" -> found[0] = integers(key, parser);
                case "source" -> found[1] = ends(parser);
                default -> {
                  return false;
                }
              }
              return true;
            });
    require("\"input_ids\"", found[0], keys);
    checkNotNegative(found[0]);
    return found[1] == null ? List.of(found[0]) : split(found[0], found[1]);
  }

  private static void checkNotNegative(int[] ids) {
    for (int t = 0; t < ids.length; t++) {
      if (ids[t] < 0) {
        throw new IllegalArgumentException(
            "\"input_ids\"[" + t + "] is " + ids[t] + ", must be at least 0");
      }
    }
  }

  private static List<int[]> split(int[] ids, int[] ends) {
    List<int[]> documents = new ArrayList<>(ends.length);
    int start = 0;
    for (int i = 0; i < ends.length; i++) {
      if (ends[i] < start || ends[i] > ids.length) {
        throw new IllegalArgumentException(
            "\"source\"[%d].\"end\" is %d, must be from %d (the end before it) to %d (the length of \"input_ids\")"
                .formatted(i, ends[i], start, ids.length));
      }
      documents.add(Arrays.copyOfRange(ids, start, ends[i]));
      start = ends[i];
    }
    if (start != ids.length) {
      throw new IllegalArgumentException(
          "the last \"end\" of \"source\" is %d, but \"input_ids\" has %d entries: it must be their number"
              .formatted(start, ids.length));
    }
    return documents;
  }

  /** Returns the row of a packed line. */
  static PackedRow packed(String line) throws IOException {
    int[][] found = new int[4][]; // ids, documents, positions, labels
    List<String> keys =
        readObject(
            line,
            (key, parser) -> {
              switch (key) {
                case "input_ids" -> found[0] = integers(key, parser);
                case "document_ids" -> found[1] = integers(key, parser);
                case "position_ids" -> found[2] = integersOrNull(key, parser);
                case "labels" -> found[3] = integersOrNull(key, parser);
                default -> {
                  return false;
                }
              }
              return true;
            });
    require("\"input_ids\"", found[0], keys);
    require("\"document_ids\"", found[1], keys);
    return new PackedRow(found[0], found[1], found[2], found[3]);
  }

  /** Reads one object and nothing after it; returns the keys that were passed over. */
  private static List<String> readObject(String line, Fields fields) throws IOException {
    List<String> passedOver = new ArrayList<>();
    try (JsonParser parser = JSON.createParser(line)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new IllegalArgumentException(
            "must be a JSON object, got " + describe(parser.currentToken(), parser));
      }
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        parser.nextToken();
        if (!fields.read(key, parser)) {
          passedOver.add(key);
          parser.skipChildren();
        }
      }
      if (parser.nextToken() != null) {
        throw new IllegalArgumentException("more stands after the JSON object: one object a line");
      }
    }
    return passedOver;
  }

  private static void require(String key, Object value, List<String> otherKeys) {
    if (value == null) {
      throw new IllegalArgumentException(
          "no %s; the other keys are: %s"
              .formatted(key, otherKeys.isEmpty() ? "(none)" : String.join(", ", otherKeys)));
    }
  }

  private static String string(String key, JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw wrongType("\"" + key + "\"", "a string", parser);
    }
    String text = parser.getText();
    // \ud800 is legal JSON but no character; native tokenizers take UTF-8, which cannot hold it.
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        throw new IllegalArgumentException(
            "\"%s\" holds half of a surrogate pair, \\u%04x, at character %d"
                .formatted(key, (int) c, i));
      }
    }
    return text;
  }

  private static int[] integersOrNull(String key, JsonParser parser) throws IOException {
    return parser.currentToken() == JsonToken.VALUE_NULL ? null : integers(key, parser);
  }

  private static int[] integers(String key, JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw wrongType("\"" + key + "\"", "an array of integers", parser);
    }
    IntList values = new IntList();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (!isInt(parser)) {
        throw wrongType("\"" + key + "\"[" + values.size() + "]", "a 32-bit integer", parser);
      }
      values.add(parser.getIntValue());
    }
    return values.toArray();
  }

  /** Reads the "end" of each entry of "source". */
  private static int[] ends(JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw wrongType("\"source\"", "an array of objects", parser);
    }
    IntList ends = new IntList();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      String name = "\"source\"[" + ends.size() + "]";
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw wrongType(name, "an object with an \"end\"", parser);
      }
      int before = ends.size();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        boolean end = parser.currentName().equals("end");
        parser.nextToken();
        if (!end) {
          parser.skipChildren();
        } else if (isInt(parser)) {
          ends.add(parser.getIntValue());
        } else {
          throw wrongType(name + ".\"end\"", "a 32-bit integer", parser);
        }
      }
      if (ends.size() == before) {
        throw new IllegalArgumentException(name + " has no \"end\"");
      }
    }
    return ends.toArray();
  }

  private static boolean isInt(JsonParser parser) throws IOException {
    return parser.currentToken() == JsonToken.VALUE_NUMBER_INT
        && parser.getNumberType() == JsonParser.NumberType.INT;
  }

  private static IllegalArgumentException wrongType(String name, String expected, JsonParser parser)
      throws IOException {
    return new IllegalArgumentException(
        "%s must be %s, got %s".formatted(name, expected, describe(parser.currentToken(), parser)));
  }

  private static String describe(JsonToken token, JsonParser parser) throws IOException {
    if (token == null) {
      return "nothing";
    }
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      case VALUE_STRING -> "the string \"" + shortened(parser.getText()) + "\"";
      default -> shortened(parser.getText());
    };
  }

  private static String shortened(String text) {
    return text.length() <= 40 ? text : text.substring(0, 40) + "...";
  }
}
