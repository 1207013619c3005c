package io.anchor4j.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The keys that a run file may have: the components of {@link RunConfig}, by path. */
final class RunFileKeys {
  /** A fresh model's fields are those of config.json, whose reader knows them. */
  private static final String MODEL_CONFIG = "model.config";

  /** Fields of rope_scaling in config.json, for every type of scaling. */
  private static final List<String> ROPE_SCALING =
      List.of(
          "type",
          "rope_type",
          "factor",
          "original_max_position_embeddings",
          "attention_factor",
          "beta_fast",
          "beta_slow",
          "mscale",
          "mscale_all_dim",
          "truncate",
          "low_freq_factor",
          "high_freq_factor",
          "short_factor",
          "long_factor");

  private static final List<String> KNOWN = known();

  private RunFileKeys() {}

  /**
   * Checks every key of a run file.
   *
   * @throws IllegalArgumentException if one is not known; the message names the nearest known one
   */
  static void refuseUnknown(String source, ObjectNode root) {
    refuseUnknown(source, "", root);
  }

  private static void refuseUnknown(String source, String prefix, ObjectNode node) {
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      String path = prefix + field.getKey();
      if (!KNOWN.contains(path)) {
        throw new IllegalArgumentException(
            source + ": unknown key " + path + "; did you mean " + nearest(path) + "?");
      }
      if (field.getValue() instanceof ObjectNode below && !path.equals(MODEL_CONFIG)) {
        refuseUnknown(source, path + ".", below);
      }
    }
  }

  private static String nearest(String path) {
    return KNOWN.stream()
        .min(Comparator.comparingInt(known -> distance(path, known)))
        .orElseThrow();
  }

  /** A key spelled right in the wrong section is nearer than another key of the same section. */
  private static int distance(String path, String known) {
    String found = plain(name(path));
    String wanted = plain(name(known));
    boolean shortened = found.startsWith(wanted) || wanted.startsWith(found);
    int edits = shortened ? Math.min(1, edits(found, wanted)) : edits(found, wanted);
    return 2 * edits + (section(path).equals(section(known)) ? 0 : 3);
  }

  private static String name(String path) {
    return path.substring(path.lastIndexOf('.') + 1);
  }

  private static String section(String path) {
    return path.substring(0, Math.max(0, path.lastIndexOf('.')));
  }

  /** So that batch_size is as good as batchSize. */
  private static String plain(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[-_]", "");
  }

  /**
   * Levenshtein's distance. Commons Lang, which ND4J brings, has it as deprecated; Commons Text
   * would be a new dependency for this method alone.
   */
  private static int edits(String from, String to) {
    int[] row = new int[to.length() + 1];
    for (int j = 0; j <= to.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= to.length(); j++) {
        int replaced = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[to.length()];
  }

  private static List<String> known() {
    List<String> paths = new ArrayList<>();
    collect("", RunConfig.class, paths);
    ROPE_SCALING.forEach(key -> paths.add("rope.scaling." + key));
    return List.copyOf(paths);
  }

  private static void collect(String prefix, Class<?> type, List<String> paths) {
    for (RecordComponent component : type.getRecordComponents()) {
      paths.add(prefix + component.getName());
      if (component.getType().isRecord()) {
        collect(prefix + component.getName() + ".", component.getType(), paths);
      }
    }
  }
}
