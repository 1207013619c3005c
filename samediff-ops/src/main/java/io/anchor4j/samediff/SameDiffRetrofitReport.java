package io.anchor4j.samediff;

import java.util.List;
import java.util.Locale;

/**
 * What {@link SameDiffRetrofit} found in a graph, what it replaced and how equality was shown.
 *
 * @param replaced attention that is the anchor op now (after {@code inspect}: that would be)
 * @param left what looks like attention and stays as it was, with the reason
 * @param proof how the two graphs were compared; null after {@code inspect} or if nothing was found
 * @param notes what the user has to know or do
 */
public record SameDiffRetrofitReport(
    List<Replaced> replaced, List<Left> left, Proof proof, List<String> notes) {

  /**
   * One attention that was replaced.
   *
   * @param output the variable that holds its result, named as before
   * @param form how the graph wrote it, with its scale and masks
   * @param gone the variables between its inputs and its output that are no more
   */
  public record Replaced(String output, String form, List<String> gone) {}

  /**
   * One attention-like pattern that was left as it is.
   *
   * @param variable the result of its softmax or op
   * @param op the op's name
   * @param reason why
   */
  public record Left(String variable, String op, String reason) {}

  /**
   * The comparison on the probe, of the same maths, before any option is switched on; with
   * documents, also two in each row.
   *
   * @param probe the names, types and shapes of the input
   * @param outputs the largest difference of an output over the larger of 1 and its largest value
   * @param gradients the largest difference of a trained variable's gradient over the largest of
   *     all gradients; NaN if there was no loss
   * @param tolerance the difference allowed
   * @param leak the largest change of a document's results when the other document of its row is
   *     rewritten, over the larger of 1 and the largest result; NaN if it was not tried
   */
  public record Proof(
      String probe, double outputs, double gradients, double tolerance, double leak) {

    Proof withLeak(double leak) {
      return new Proof(probe, outputs, gradients, tolerance, leak);
    }
  }

  /** Copies the lists. */
  public SameDiffRetrofitReport {
    replaced = List.copyOf(replaced);
    left = List.copyOf(left);
    notes = List.copyOf(notes);
  }

  /** Returns the report as lines for people. */
  @Override
  public String toString() {
    var text = new StringBuilder();
    text.append(
        String.format("attention: %d replaced, %d left as it was%n", replaced.size(), left.size()));
    for (Replaced site : replaced) {
      text.append(String.format("  replaced '%s': %s%n", site.output(), site.form()));
      if (!site.gone().isEmpty()) {
        text.append(String.format("    no longer there: %s%n", String.join(", ", site.gone())));
      }
    }
    for (Left site : left) {
      text.append(
          String.format("  left '%s' (%s): %s%n", site.variable(), site.op(), site.reason()));
    }
    if (proof != null) {
      text.append(
          String.format(
              Locale.ROOT,
              "  equal before and after to %.1e (allowed %.1e)%s%n    on the probe %s%n",
              proof.outputs(),
              proof.tolerance(),
              Double.isNaN(proof.gradients())
                  ? ", outputs only"
                  : String.format(Locale.ROOT, ", gradients to %.1e", proof.gradients()),
              proof.probe()));
      if (!Double.isNaN(proof.leak())) {
        text.append(
            String.format(
                Locale.ROOT,
                "    rewriting one of two documents changes the other's results by %.1e%n",
                proof.leak()));
      }
    }
    notes.forEach(note -> text.append("  note: ").append(note).append(System.lineSeparator()));
    return text.toString().replace(System.lineSeparator(), "\n");
  }
}
