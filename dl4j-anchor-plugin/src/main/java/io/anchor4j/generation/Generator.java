package io.anchor4j.generation;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.data.PackedRow;
import io.anchor4j.data.Positions;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecodingSession;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Continues prompts with a key/value cache.
 *
 * <p>A prompt is a row of tokens with document ids: one document, or several that share the row,
 * anchors and all. New tokens belong to the document of the prompt's last token and count on from
 * its position, so that they see what the mask shows that document: under {@code full} the whole
 * prompt, under {@code anchor} their document and the anchors.
 *
 * <p>Prompts of a batch may differ in length; each is continued as if it were alone.
 */
public final class Generator {
  private final ComputationGraph graph;
  private final Positions positions;
  private final int vocabularySize;

  /**
   * @param graph a decoder, which must not be trained while it generates
   * @param positions how prompts without explicit positions are numbered
   */
  public Generator(ComputationGraph graph, Positions positions) {
    this.graph = graph;
    this.positions = positions;
    var output = (FeedForwardLayer) graph.getLayer(Decoder.OUTPUT).conf().getLayer();
    vocabularySize = Math.toIntExact(output.getNOut());
  }

  /** Returns a prompt of one document. */
  public static PackedRow prompt(int... ids) {
    int[] documents = new int[ids.length];
    Arrays.fill(documents, 1);
    return new PackedRow(ids, documents);
  }

  /**
   * Returns the new tokens of each prompt, the one that ended it included.
   *
   * @param prompts rows whose last token is not padding; labels play no part
   * @param listener hears of every new token, for all rows of a step before those of the next
   * @throws IllegalArgumentException if there is no prompt, one ends in padding, or an id is
   *     outside the vocabulary
   */
  public List<int[]> generate(
      List<PackedRow> prompts, GenerationConfig config, TokenListener listener) {
    check(prompts);
    List<Continuation> rows = new ArrayList<>();
    for (PackedRow prompt : prompts) {
      rows.add(new Continuation(prompt, prompt.positions(positions), config, rows.size()));
    }
    try (var session = new DecodingSession(graph)) {
      INDArray logits = read(prompts, session);
      for (int made = 1; ; made++) {
        float[][] scores = logits.castTo(DataType.FLOAT).toFloatMatrix();
        for (int b = 0; b < scores.length; b++) {
          if (!rows.get(b).ended()) {
            listener.onToken(b, rows.get(b).choose(scores[b]));
          }
        }
        if (made == config.maxNewTokens() || rows.stream().allMatch(Continuation::ended)) {
          return rows.stream().map(Continuation::ids).toList();
        }
        logits =
            session.step(
                each(rows, Continuation::token),
                each(rows, Continuation::document),
                each(rows, Continuation::position));
      }
    }
  }

  /** Reads prompts, which all end in the last column, and returns what follows, [B, V]. */
  private INDArray read(List<PackedRow> prompts, DecodingSession session) {
    int longest = prompts.stream().mapToInt(PackedRow::length).max().orElseThrow();
    var tokens = new int[prompts.size()][longest];
    var documents = new int[prompts.size()][longest];
    var places = new int[prompts.size()][longest];
    for (int b = 0; b < prompts.size(); b++) {
      PackedRow prompt = prompts.get(b);
      int padding = longest - prompt.length();
      Arrays.fill(documents[b], PackedRow.PADDING);
      System.arraycopy(prompt.inputIds(), 0, tokens[b], padding, prompt.length());
      System.arraycopy(prompt.documentIds(), 0, documents[b], padding, prompt.length());
      System.arraycopy(prompt.positions(positions), 0, places[b], padding, prompt.length());
    }
    return session.step(tokens, documents, places);
  }

  private static int[][] each(List<Continuation> rows, ToIntFunction<Continuation> value) {
    return rows.stream().map(row -> new int[] {value.applyAsInt(row)}).toArray(int[][]::new);
  }

  private void check(List<PackedRow> prompts) {
    checkArgument(!prompts.isEmpty(), "generation needs a prompt, got none");
    for (int b = 0; b < prompts.size(); b++) {
      PackedRow prompt = prompts.get(b);
      checkArgument(
          prompt.documentIds()[prompt.length() - 1] != PackedRow.PADDING,
          "prompt %s ends in padding: its last token, which is continued, must be of a document",
          b);
      prompt.checkVocabulary(vocabularySize);
    }
  }
}
