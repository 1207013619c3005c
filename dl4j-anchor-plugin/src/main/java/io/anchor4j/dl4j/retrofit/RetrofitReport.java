package io.anchor4j.dl4j.retrofit;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What {@link AttentionRetrofit} did to a network, and what it means for training; {@link
 * #toString} is for people.
 *
 * @param attention every attention layer that was found, from the input up
 * @param gradients the layers with parameters whose gradients DL4J had doubled and that are now the
 *     true ones
 * @param notes what else is different, a sentence each
 */
public record RetrofitReport(
    List<Attention> attention, List<Gradient> gradients, List<String> notes) {

  /** What became of an attention layer. */
  public enum Outcome {
    /** An {@code AnchorAttentionLayer} stands in its place. */
    SWAPPED,
    /** It was not picked, or is ours already. */
    KEPT,
    /** No layer of ours computes the same. */
    REFUSED
  }

  /**
   * An attention layer.
   *
   * @param name of the layer or vertex
   * @param type its class and those wrapped around it, {@code FrozenLayer(SelfAttentionLayer)}
   * @param outcome what became of it
   * @param reason why, empty if it was swapped
   */
  public record Attention(String name, String type, Outcome outcome, String reason) {
    @Override
    public String toString() {
      String line =
          "%-8s\"%s\" (%s)".formatted(outcome.name().toLowerCase(Locale.ROOT), name, type);
      return reason.isEmpty() ? line : line + ": " + reason;
    }
  }

  /**
   * By how much DL4J had multiplied a layer's gradients. The two differ where they came down
   * several ways, as past a residual connection.
   *
   * @param name of the layer or vertex
   * @param leastFactor 1, 2, 4 and so on
   * @param mostFactor 2, 4 and so on
   */
  public record Gradient(String name, long leastFactor, long mostFactor) {
    /** Whether one number says it. */
    public boolean exact() {
      return leastFactor == mostFactor;
    }

    private String factor() {
      return exact() ? "by " + mostFactor : "by %d to %d".formatted(leastFactor, mostFactor);
    }
  }

  /** Copies the lists. */
  public RetrofitReport {
    attention = List.copyOf(attention);
    gradients = List.copyOf(gradients);
    notes = List.copyOf(notes);
  }

  /** Returns how many attention layers were swapped, kept or refused. */
  public long count(Outcome outcome) {
    return attention.stream().filter(layer -> layer.outcome() == outcome).count();
  }

  /** Returns names as the report writes them. */
  static String quoted(Collection<String> names) {
    return names.stream().map(name -> '"' + name + '"').collect(Collectors.joining(", "));
  }

  RetrofitReport withNotes(List<String> more) {
    var all = new ArrayList<>(notes);
    all.addAll(more);
    return new RetrofitReport(attention, gradients, all);
  }

  /** Returns the report as lines of text. */
  @Override
  public String toString() {
    var lines = new ArrayList<String>();
    lines.add(
        "attention: %d swapped, %d kept, %d refused"
            .formatted(count(Outcome.SWAPPED), count(Outcome.KEPT), count(Outcome.REFUSED)));
    attention.forEach(layer -> lines.add("  " + layer));
    if (!gradients.isEmpty()) {
      lines.add("gradients: DL4J multiplied those of some layers, from now on they are true");
      Map<String, List<String>> byFactor =
          gradients.stream()
              .collect(
                  Collectors.groupingBy(
                      Gradient::factor,
                      TreeMap::new,
                      Collectors.mapping(Gradient::name, Collectors.toList())));
      byFactor.forEach((factor, names) -> lines.add("  " + factor + ": " + quoted(names)));
    }
    if (!notes.isEmpty()) {
      lines.add("notes:");
      notes.forEach(note -> lines.add("  " + note));
    }
    return String.join("\n", lines);
  }
}
