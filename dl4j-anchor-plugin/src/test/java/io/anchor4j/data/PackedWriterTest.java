package io.anchor4j.data;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.collect.ImmutableList;
import com.google.common.collect.Iterators;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PackedWriterTest {
  @TempDir Path folder;

  /** Rows of every shape: with and without positions and labels, 1 to 3000 tokens. */
  static List<PackedRow> randomRows(long seed, int count) {
    Random random = new Random(seed);
    List<PackedRow> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int tokens = i % 7 == 0 ? 1 + random.nextInt(3000) : 1 + random.nextInt(20);
      rows.add(
          new PackedRow(
              random.ints(tokens, 0, Integer.MAX_VALUE).toArray(),
              random.ints(tokens, -1, 9).toArray(),
              i % 2 == 0 ? null : random.ints(tokens, 0, 1 << 20).toArray(),
              i % 3 == 0
                  ? null
                  : random.ints(tokens, 0, 99).map(y -> y == 0 ? -100 : y).toArray()));
    }
    return rows;
  }

  private static List<PackedRow> read(Path file) {
    try (PackedRows rows =
        PackedRows.packed(List.of(file), Integer.MAX_VALUE, Integer.MAX_VALUE, BadLines.refuse())) {
      assertTrue(rows.report().isEmpty());
      return ImmutableList.copyOf(rows);
    }
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rows.jsonl", "rows.jsonl.gz", "new/folder/rows.jsonl"})
  void rowsComeBackAsTheyWere(String name) throws IOException {
    List<PackedRow> rows = randomRows(1, 60);
    Path file = folder.resolve(name);
    assertEquals(60, PackedWriter.write(file, rows.iterator()));
    assertEquals(rows, read(file));
    byte[] start = Files.readAllBytes(file);
    assertEquals(name.endsWith(".gz"), start[0] == 0x1f && start[1] == (byte) 0x8b);
  }

  @Test
  void theSameRowsGiveTheSameBytes() throws IOException {
    List<PackedRow> rows = randomRows(2, 20);
    for (String name : List.of("rows.jsonl", "rows.jsonl.gz")) {
      Path first = folder.resolve("a-" + name);
      Path second = folder.resolve("b-" + name);
      PackedWriter.write(first, rows.iterator());
      PackedWriter.write(second, rows.iterator());
      assertArrayEquals(Files.readAllBytes(first), Files.readAllBytes(second));
    }
  }

  @Test
  void aLineReadsAsTheFormatSays() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    List<PackedRow> rows =
        List.of(
            new PackedRow(new int[] {5, 6}, new int[] {0, -1}),
            new PackedRow(new int[] {5}, new int[] {1}, new int[] {3}, new int[] {-100}));
    PackedWriter.write(file, rows.iterator());
    assertEquals(
        """
        {"input_ids": [5, 6], "document_ids": [0, -1]}
        {"input_ids": [5], "document_ids": [1], "position_ids": [3], "labels": [-100]}
        """,
        Files.readString(file, UTF_8));
  }

  @Test
  void whenTheRowsFailAnOlderFileStaysAndNothingElseDoes() throws IOException {
    Path file = Files.writeString(folder.resolve("rows.jsonl"), "older");
    Iterator<PackedRow> failing =
        Iterators.transform(
            randomRows(3, 50).iterator(),
            row -> {
              if (row.length() > 1000) {
                throw new IllegalArgumentException("bad line");
              }
              return row;
            });
    assertThrows(IllegalArgumentException.class, () -> PackedWriter.write(file, failing));
    assertEquals("older", Files.readString(file));
    assertEquals(List.of("rows.jsonl"), names());
  }

  @Test
  void anOlderFileIsReplaced() throws IOException {
    Path file = Files.writeString(folder.resolve("rows.jsonl"), "older");
    PackedWriter.write(file, randomRows(4, 2).iterator());
    assertEquals(2, read(file).size());
    assertEquals(List.of("rows.jsonl"), names());
  }

  @Test
  void theFileIsAsReadableAsAnyOther() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    PackedWriter.write(file, randomRows(5, 2).iterator());
    Path other = Files.createFile(folder.resolve("other"));
    if (Files.getFileStore(folder).supportsFileAttributeView("posix")) {
      assertEquals(
          Files.getPosixFilePermissions(other).contains(PosixFilePermission.GROUP_READ),
          Files.getPosixFilePermissions(file).contains(PosixFilePermission.GROUP_READ));
    }
  }

  @Test
  void nothingToWriteAndAFolderAreRefused() {
    Path file = folder.resolve("none.jsonl");
    assertEquals(
        file + ": there is no row to write",
        assertThrows(
                IllegalArgumentException.class,
                () -> PackedWriter.write(file, List.<PackedRow>of().iterator()))
            .getMessage());
    assertFalse(Files.exists(file));
    assertEquals(
        folder + ": is a folder, not a file to write",
        assertThrows(
                IllegalArgumentException.class,
                () -> PackedWriter.write(folder, randomRows(6, 1).iterator()))
            .getMessage());
  }

  /** From text to a packed file and back, as `prepare` and then `train` do it. */
  @Test
  void preparedFilesHoldTheRowsThatPackingOnTheFlyGives() throws IOException {
    String lines =
        "{\"text\": \"hello\"}\n{\"text\": \"\"}\n{\"text\": \"" + "long ".repeat(40) + "\"}\n";
    Path raw = Files.writeString(folder.resolve("raw.jsonl"), lines);
    Path packed = folder.resolve("packed.jsonl.gz");
    SpecialTokens special =
        new SpecialTokens(OptionalInt.of(1), OptionalInt.of(2), OptionalInt.empty());
    PackingConfig config = PackingConfig.of(64, special).withInterleave(true, 3);
    TextEncoder encoder = text -> text.chars().toArray();
    List<PackedRow> onTheFly;
    try (PackedRows rows = PackedRows.raw(List.of(raw), encoder, 256, config, BadLines.refuse())) {
      onTheFly = ImmutableList.copyOf(rows);
      PackingReport report = rows.report().orElseThrow();
      assertEquals(2, report.documents());
      assertEquals(1, report.emptyDocuments());
      assertEquals(1, report.cutDocuments());
      assertTrue(report.describe().contains("documents           2 (1 empty ones left out, 1 cut"));
    }
    try (PackedRows rows = PackedRows.raw(List.of(raw), encoder, 256, config, BadLines.refuse())) {
      assertEquals(onTheFly.size(), PackedWriter.write(packed, rows));
    }
    assertEquals(onTheFly, read(packed));

    Path tokenized =
        Files.writeString(
            folder.resolve("tokenized.jsonl"),
            "{\"input_ids\": [104, 101, 108, 108, 111, 32], \"source\": [{\"end\": 5}, {\"end\": 6}]}");
    try (PackedRows rows =
        PackedRows.tokenized(List.of(tokenized), 256, config, BadLines.refuse())) {
      PackedRow row = rows.next();
      assertEquals(1, row.inputIds()[0]);
      assertEquals(2, rows.report().orElseThrow().documents());
      assertFalse(rows.hasNext());
    }
  }
}
