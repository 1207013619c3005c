package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code score} against transformers, under every mask and both kinds of positions. */
class ScoreTest {
  private static final double ERROR = 1e-4;
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path directory;

  static Stream<Arguments> cases() {
    return Fixture.cases(Fixture.full());
  }

  private Path packed(Fixture fixture) throws IOException {
    int[][] ids = fixture.rows("input_ids");
    int[][] documents = fixture.rows("document_ids");
    var lines = new ArrayList<String>();
    for (int row = 0; row < ids.length; row++) {
      lines.add(
          "{\"input_ids\": %s, \"document_ids\": %s}"
              .formatted(Arrays.toString(ids[row]), Arrays.toString(documents[row])));
    }
    return Files.write(directory.resolve("packed.jsonl"), lines);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void everyTokenAgreesAndPaddingIsNull(Fixture fixture, String mask, String positions)
      throws IOException {
    Path output = directory.resolve("nll.jsonl");
    Cli run =
        Cli.run(
            "score",
            "--model",
            fixture.directory(),
            "--data",
            packed(fixture),
            "--attention",
            mask,
            "--positions",
            positions,
            "--output",
            output);
    assertEquals("", run.err());
    assertEquals(0, run.code());
    int[][] documents = fixture.rows("document_ids");
    float[] expected = fixture.floats(mask + "/" + positions + "/nll");
    List<String> lines = Files.readAllLines(output);
    assertEquals(documents.length, lines.size());
    for (int row = 0; row < documents.length; row++) {
      JsonNode nll = JSON.readTree(lines.get(row)).get("nll");
      int length = documents[row].length;
      assertEquals(length - 1, nll.size());
      double sum = 0;
      int count = 0;
      for (int i = 0; i + 1 < length; i++) {
        boolean padding = documents[row][i] == -1 || documents[row][i + 1] == -1;
        assertEquals(padding, nll.get(i).isNull(), "row " + row + ", token " + i);
        if (!padding) {
          assertEquals(expected[row * length + i], nll.get(i).asDouble(), ERROR);
          sum += nll.get(i).asDouble();
          count++;
        }
      }
      assertEquals(sum / count, JSON.readTree(lines.get(row)).get("mean_nll").asDouble(), 1e-5);
    }
  }

  @Test
  void explicitPositionsWinOverTheOption() throws IOException {
    Fixture fixture = Fixture.named("llama-gqa");
    String row = "{\"input_ids\": [1, 2, 3], \"document_ids\": [0, 1, 1]%s}\n";
    Path data = directory.resolve("rows.jsonl");
    Files.writeString(data, row.formatted("") + row.formatted(", \"position_ids\": [0, 7, 9]"));
    Cli continuous = Cli.run("score", "--model", fixture.directory(), "--data", data);
    Cli perDocument =
        Cli.run(
            "score", "--model", fixture.directory(), "--data", data, "--positions", "per-document");
    List<String> lines = continuous.out().lines().toList();
    assertEquals(lines.get(1), perDocument.out().lines().toList().get(1));
    assertFalse(lines.get(0).equals(lines.get(1)), "positions 7 and 9 made no difference");
  }

  @Test
  void aRowOfPaddingHasNoMean() throws IOException {
    Path data = directory.resolve("rows.jsonl");
    Files.writeString(data, "{\"input_ids\": [0, 0], \"document_ids\": [-1, -1]}\n");
    Cli run = Cli.run("score", "--model", Fixture.named("llama-gqa").directory(), "--data", data);
    assertEquals("{\"nll\": [null], \"mean_nll\": null}\n", run.out());
    assertTrue(run.err().isEmpty(), run.err());
  }
}
