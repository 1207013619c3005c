package io.anchor4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.google.common.collect.ImmutableList;
import com.google.common.primitives.ImmutableIntArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class PackerTest {
  private static final int BEGIN = 1;
  private static final int END = 2;
  private static final int PAD = 3;
  private static final SpecialTokens SPECIAL =
      new SpecialTokens(OptionalInt.of(BEGIN), OptionalInt.of(END), OptionalInt.of(PAD));

  /** The first id of documents' own tokens: each is used once, so that none can be lost unseen. */
  private static final int FIRST = 100;

  static Stream<Arguments> configs() {
    List<Arguments> configs = new ArrayList<>();
    for (Packing packing : Packing.values()) {
      for (int sequenceLength : new int[] {8, 65, 256}) {
        for (int anchors : new int[] {0, 1, 3}) {
          for (boolean interleave : new boolean[] {false, true}) {
            for (int[] tag : new int[][] {{}, {7, 8, 9}}) {
              configs.add(
                  arguments(
                      PackingConfig.of(sequenceLength, SPECIAL)
                          .withPacking(packing)
                          .withAnchorTokens(anchors)
                          .withInterleave(interleave, 5)
                          .withDocumentTag(tag)));
            }
          }
        }
      }
    }
    return configs.stream();
  }

  /** Documents of 0 to 600 tokens, most of them short; every token of all of them is another. */
  private static List<int[]> randomDocuments(long seed, int count) {
    Random random = new Random(seed);
    List<int[]> documents = new ArrayList<>();
    int next = FIRST;
    for (int i = 0; i < count; i++) {
      int length = random.nextInt(4) == 0 ? random.nextInt(600) : random.nextInt(40);
      documents.add(IntStream.range(next, next + length).toArray());
      next += length;
    }
    return documents;
  }

  private static List<PackedRow> pack(PackingConfig config, List<int[]> documents) {
    return ImmutableList.copyOf(new Packer(config).pack(documents.iterator()));
  }

  @ParameterizedTest
  @MethodSource("configs")
  void everyTokenOfEveryDocumentStandsInExactlyOneRow(PackingConfig config) {
    List<int[]> documents = randomDocuments(11, 200);
    Map<Integer, Integer> seen = new HashMap<>();
    int ends = 0;
    for (PackedRow row : pack(config, documents)) {
      assertEquals(config.sequenceLength(), row.length());
      for (int id : row.inputIds()) {
        if (id >= FIRST) {
          seen.merge(id, 1, Integer::sum);
        } else if (id == END) {
          ends++;
        }
      }
    }
    int tokens = documents.stream().mapToInt(document -> document.length).sum();
    assertEquals(tokens, seen.size());
    assertTrue(seen.values().stream().allMatch(times -> times == 1));
    assertEquals(documents.stream().filter(document -> document.length > 0).count(), ends);
  }

  @ParameterizedTest
  @MethodSource("configs")
  void rowsAreAnchorsThenDocumentsThenPadding(PackingConfig config) {
    for (PackedRow row : pack(config, randomDocuments(12, 100))) {
      int[] ids = row.inputIds();
      int[] documents = row.documentIds();
      int anchors = config.anchorTokens();
      int highest = 0;
      boolean padding = false;
      for (int t = 0; t < ids.length; t++) {
        assertEquals(t < anchors, documents[t] == PackedRow.ANCHOR, row::toString);
        padding |= documents[t] == PackedRow.PADDING;
        assertEquals(padding, documents[t] == PackedRow.PADDING, row::toString);
        if (t < anchors) {
          assertEquals(BEGIN, ids[t]);
        } else if (padding) {
          assertEquals(PAD, ids[t]);
        } else {
          assertTrue(documents[t] >= 1 && documents[t] <= highest + 1, row::toString);
          highest = Math.max(highest, documents[t]);
        }
      }
      assertTrue(highest >= 1, "a row without a document");
    }
  }

  /** A document of a row, its tokens put together again, is the tag and a run of one document. */
  @ParameterizedTest
  @MethodSource("configs")
  void aDocumentIdNamesOneDocumentInItsOrder(PackingConfig config) {
    List<int[]> documents = randomDocuments(13, 150);
    Map<Integer, int[]> byFirstToken = new HashMap<>();
    documents.stream()
        .filter(document -> document.length > 0)
        .forEach(document -> byFirstToken.put(document[0], document));
    Map<Integer, Integer> documentOf = new HashMap<>();
    documents.forEach(d -> Arrays.stream(d).forEach(token -> documentOf.put(token, d[0])));
    int tag = config.documentTag().length();
    for (PackedRow row : pack(config, documents)) {
      Map<Integer, List<Integer>> tokens = new HashMap<>();
      for (int t = 0; t < row.length(); t++) {
        tokens.computeIfAbsent(row.documentIds()[t], d -> new ArrayList<>()).add(row.inputIds()[t]);
      }
      tokens.forEach(
          (document, ids) -> {
            if (document <= 0) {
              return;
            }
            assertEquals(config.documentTag().asList(), ids.subList(0, tag));
            List<Integer> own = ids.subList(tag, ids.size());
            boolean ends = own.get(own.size() - 1) == END;
            if (own.size() == 1 && ends) {
              return; // the end-of-sequence id alone, pushed into a row of its own
            }
            int first = own.get(0);
            int last = own.get(own.size() - (ends ? 2 : 1));
            assertEquals(documentOf.get(first), documentOf.get(last));
            List<Integer> run = new ArrayList<>();
            IntStream.rangeClosed(first, last).forEach(run::add);
            if (ends) {
              int[] whole = byFirstToken.get(documentOf.get(first));
              assertEquals(whole[whole.length - 1], last, "the end stands before the end");
              run.add(END);
            }
            assertEquals(run, own);
          });
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void labelsAreTheTokensExceptAtTagsAnchorsAndPadding(PackingConfig config) {
    for (PackedRow row : pack(config, randomDocuments(14, 100))) {
      if (config.anchorTokens() <= 1 && config.documentTag().isEmpty()) {
        assertNull(row.labels());
        continue;
      }
      Map<Integer, Integer> seen = new HashMap<>();
      for (int t = 0; t < row.length(); t++) {
        int document = row.documentIds()[t];
        int before = seen.merge(document, 1, Integer::sum) - 1;
        boolean own = document > 0 && before >= config.documentTag().length();
        assertEquals(own ? row.inputIds()[t] : PackedRow.IGNORED, row.labels()[t]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void theSameDocumentsGiveTheSameRows(PackingConfig config) {
    List<int[]> documents = randomDocuments(15, 100);
    List<int[]> copies = documents.stream().map(int[]::clone).toList();
    assertEquals(pack(config, documents), pack(config, documents));
    for (int i = 0; i < copies.size(); i++) {
      assertArrayEquals(copies.get(i), documents.get(i), "the caller's array was changed");
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void theReportCountsWhatTheRowsHold(PackingConfig config) {
    List<int[]> documents = randomDocuments(16, 200);
    Packer packer = new Packer(config);
    List<PackedRow> rows = ImmutableList.copyOf(packer.pack(documents.iterator()));
    PackingReport report = packer.report();
    assertEquals(rows.size(), report.rows());
    assertEquals(documents.stream().filter(d -> d.length == 0).count(), report.emptyDocuments());
    assertEquals(documents.stream().filter(d -> d.length > 0).count(), report.documents());
    long padding = 0;
    long pieces = 0;
    long targets = 0;
    long boundaries = 0;
    for (PackedRow row : rows) {
      int[] ids = row.documentIds();
      padding += Arrays.stream(ids).filter(id -> id == -1).count();
      pieces += Arrays.stream(ids).filter(id -> id > 0).distinct().count();
      targets += Arrays.stream(row.targets(BoundaryLabels.IGNORE)).filter(y -> y != -100).count();
      boundaries +=
          IntStream.range(1, ids.length).filter(t -> ids[t] != -1 && ids[t] != ids[t - 1]).count();
    }
    assertEquals(padding, report.padding());
    assertEquals((long) rows.size() * config.sequenceLength() - padding, report.tokens());
    assertEquals(pieces, report.pieces());
    assertEquals(targets, report.targets());
    assertEquals(boundaries, report.boundaries());
    assertEquals((double) pieces / rows.size(), report.documentsPerRow());
    assertEquals(
        1 - (double) padding / (rows.size() * config.sequenceLength()), report.efficiency(), 1e-12);
    // A document of n tokens that is cut has as many pieces more as pieces has documents more.
    assertTrue(report.cutDocuments() <= report.pieces() - report.documents());
    assertEquals(report.cutDocuments() == 0, report.pieces() == report.documents());
    int[] sorted =
        documents.stream()
            .mapToInt(d -> d.length)
            .filter(n -> n > 0)
            .map(n -> n + 1)
            .sorted()
            .toArray(); // + 1: the end of sequence
    var lengths = report.lengths();
    assertEquals(sorted[0], lengths.shortest());
    assertEquals(sorted[(sorted.length + 1) / 2 - 1], lengths.median());
    assertEquals(sorted[(9 * sorted.length + 9) / 10 - 1], lengths.p90());
    assertEquals(sorted[sorted.length - 1], lengths.longest());
  }

  @Test
  void bestFitOfAWorkedExample() {
    // Of 10 tokens: 6, then 5 in a second row, 4 beside the 6, then 3 and 2 beside the 5.
    PackingConfig config =
        new PackingConfig(
            10, Packing.BEST_FIT, 0, false, ImmutableIntArray.of(), SpecialTokens.NONE, 0);
    int[][] documents = {
      {21, 22}, {31, 32, 33}, {61, 62, 63, 64, 65, 66}, {51, 52, 53, 54, 55}, {41, 42, 43, 44}
    };
    List<PackedRow> rows = pack(config, List.of(documents));
    assertEquals(2, rows.size());
    assertArrayEquals(new int[] {21, 22, 31, 32, 33, 51, 52, 53, 54, 55}, rows.get(0).inputIds());
    assertArrayEquals(new int[] {1, 1, 2, 2, 2, 3, 3, 3, 3, 3}, rows.get(0).documentIds());
    assertArrayEquals(new int[] {61, 62, 63, 64, 65, 66, 41, 42, 43, 44}, rows.get(1).inputIds());
  }

  @Test
  void bestFitCutsOnlyDocumentsLongerThanARow() {
    PackingConfig config = PackingConfig.of(257, SPECIAL); // room for 256, the end included
    Packer packer = new Packer(config);
    List<int[]> documents = new ArrayList<>(randomDocuments(17, 300));
    long longer = documents.stream().filter(d -> d.length + 1 > 256).count();
    packer.pack(documents.iterator()).forEachRemaining(row -> {});
    assertTrue(longer > 0);
    assertEquals(longer, packer.report().cutDocuments());
  }

  @Test
  void bestFitWastesLittleAndWrappedOnlyInTheLastRow() {
    List<int[]> documents = randomDocuments(18, 2000);
    Packer bestFit = new Packer(PackingConfig.of(256, SPECIAL));
    Packer wrapped = new Packer(PackingConfig.of(256, SPECIAL).withPacking(Packing.WRAPPED));
    bestFit.pack(documents.iterator()).forEachRemaining(row -> {});
    List<PackedRow> rows = ImmutableList.copyOf(wrapped.pack(documents.iterator()));
    assertTrue(bestFit.report().efficiency() > 0.99, bestFit.report()::describe);
    for (PackedRow row : rows.subList(0, rows.size() - 1)) {
      assertEquals(0, Arrays.stream(row.documentIds()).filter(id -> id == -1).count());
    }
  }

  @Test
  void wrappedOfAWorkedExample() {
    PackingConfig config = PackingConfig.of(5, SPECIAL).withPacking(Packing.WRAPPED);
    List<PackedRow> rows =
        pack(config, List.of(new int[] {10, 11}, new int[] {20, 21, 22}, new int[] {30}));
    assertEquals(3, rows.size());
    assertEquals(
        new PackedRow(new int[] {BEGIN, 10, 11, END, 20}, new int[] {0, 1, 1, 1, 2}), rows.get(0));
    assertEquals(
        new PackedRow(new int[] {BEGIN, 21, 22, END, 30}, new int[] {0, 1, 1, 1, 2}), rows.get(1));
    assertEquals(
        new PackedRow(new int[] {BEGIN, END, PAD, PAD, PAD}, new int[] {0, 1, -1, -1, -1}),
        rows.get(2));
  }

  @Test
  void tagsOfAWorkedExample() {
    PackingConfig config = PackingConfig.of(9, SPECIAL).withDocumentTag(7, 8);
    List<PackedRow> rows = pack(config, List.of(new int[] {10}, new int[] {20}));
    assertEquals(
        new PackedRow(
            new int[] {BEGIN, 7, 8, 10, END, 7, 8, 20, END},
            new int[] {0, 1, 1, 1, 1, 2, 2, 2, 2},
            null,
            new int[] {-100, -100, -100, 10, END, -100, -100, 20, END}),
        rows.get(0));
  }

  @Test
  void specialTokensThatDocumentsBringAlongAreNotDoubled() {
    PackingConfig config = PackingConfig.of(6, SPECIAL);
    int[] bare = {10, 11};
    for (int[] document :
        new int[][] {bare, {BEGIN, 10, 11}, {10, 11, END}, {BEGIN, 10, 11, END}}) {
      assertEquals(pack(config, List.of(bare)), pack(config, List.of(document)));
    }
    // Without an anchor to stand for it, a document keeps its beginning of sequence.
    assertArrayEquals(
        new int[] {BEGIN, 10, END, PAD, PAD, PAD},
        pack(config.withAnchorTokens(0), List.of(new int[] {BEGIN, 10})).get(0).inputIds());
  }

  @Test
  void documentsWithoutTokensAreLeftOut() {
    Packer packer = new Packer(PackingConfig.of(6, SPECIAL));
    List<int[]> documents = List.of(new int[0], new int[] {BEGIN}, new int[] {10});
    assertEquals(1, ImmutableList.copyOf(packer.pack(documents.iterator())).size());
    assertEquals(2, packer.report().emptyDocuments());
    assertEquals(1, packer.report().documents());
    Packer idle = new Packer(PackingConfig.of(6, SPECIAL));
    assertEquals(List.of(), ImmutableList.copyOf(idle.pack(List.<int[]>of().iterator())));
    assertEquals(0, idle.report().efficiency());
  }

  @Test
  void anchorsAreTheEndOfSequenceWhereThereIsNoBeginning() {
    SpecialTokens special =
        new SpecialTokens(OptionalInt.empty(), OptionalInt.of(END), OptionalInt.empty());
    assertArrayEquals(
        new int[] {END, END, 10, END, 0},
        pack(PackingConfig.of(5, special).withAnchorTokens(2), List.of(new int[] {10}))
            .get(0)
            .inputIds());
  }

  @Test
  void anchorsOfATokenThatIsNamedLeaveTheBeginningOfADocument() {
    assertArrayEquals(
        new int[] {77, BEGIN, 10, END, PAD},
        pack(PackingConfig.of(5, SPECIAL.withAnchor(77)), List.of(new int[] {BEGIN, 10}))
            .get(0)
            .inputIds());
  }

  @ParameterizedTest
  @EnumSource(Packing.class)
  void interleavingKeepsTheDocumentsOfARowAndSpreadsThem(Packing packing) {
    List<int[]> documents = randomDocuments(19, 400);
    PackingConfig plain = PackingConfig.of(1024, SPECIAL).withPacking(packing);
    List<PackedRow> rows = pack(plain, documents);
    List<PackedRow> interleaved = pack(plain.withInterleave(true, 1), documents);
    assertEquals(rows.size(), interleaved.size());
    int apart = 0;
    for (int i = 0; i < rows.size(); i++) {
      assertArrayEquals(
          Arrays.stream(rows.get(i).inputIds()).sorted().toArray(),
          Arrays.stream(interleaved.get(i).inputIds()).sorted().toArray());
      int[] ids = interleaved.get(i).documentIds();
      long runs = 1 + IntStream.range(1, ids.length).filter(t -> ids[t] != ids[t - 1]).count();
      apart += runs > Arrays.stream(ids).distinct().count() ? 1 : 0;
    }
    assertTrue(apart > rows.size() / 2, apart + " of " + rows.size() + " rows");
    assertNotEquals(interleaved, pack(plain.withInterleave(true, 2), documents));
  }

  @Test
  void settingsThatLeaveNoRoomAreRefused() {
    assertEquals(
        "sequenceLength must be at least 6 (anchorTokens 1, documentTag 3 tokens and 2 tokens of a"
            + " document), got 5",
        message(() -> PackingConfig.of(5, SPECIAL).withDocumentTag(7, 8, 9)));
    assertEquals(
        "anchorTokens must be at least 0, got -1",
        message(() -> PackingConfig.of(8, SPECIAL).withAnchorTokens(-1)));
    assertEquals(
        "anchorTokens above 0 needs a beginning-of-sequence or end-of-sequence id, and the tokenizer"
            + " has neither. Set anchorTokens to 0, or name a token with anchorToken.",
        message(() -> PackingConfig.of(8, SpecialTokens.NONE)));
  }

  private static String message(Runnable code) {
    return assertThrows(IllegalArgumentException.class, code::run).getMessage();
  }
}
