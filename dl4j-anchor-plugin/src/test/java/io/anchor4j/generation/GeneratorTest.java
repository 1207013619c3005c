package io.anchor4j.generation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.PackedRow;
import io.anchor4j.data.Positions;
import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.rotary.RotaryScaling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class GeneratorTest {
  private static final int VOCABULARY = 23;
  private static final TokenListener NOBODY = (row, id) -> {};

  private static ComputationGraph graph(AttentionConfig attention) {
    return Decoder.create(
        new DecoderConfig(
            VOCABULARY, 16, 24, 2, 4, 2, 4, 1e-5, 64, false, 0.8, BlockOptions.PLAIN, attention),
        7);
  }

  private static AttentionConfig attention(AttentionMask mask) {
    return AttentionConfig.DEFAULT.withMask(mask).withRotary(RotaryConfig.of(100));
  }

  /** Unequal lengths; anchors, several documents, an earlier one taken up again at the end. */
  private static List<PackedRow> prompts() {
    return List.of(
        Generator.prompt(3, 1, 4, 1, 5, 9),
        new PackedRow(new int[] {1, 7, 8, 9, 2, 2, 6, 5, 8}, new int[] {0, 1, 1, 1, 4, 4, 4, 1, 1}),
        Generator.prompt(2));
  }

  /** Greedy, without a cache: the whole row again for every token. */
  private static int[] recomputed(
      ComputationGraph graph, PackedRow prompt, Positions rule, int count) {
    int[] ids = prompt.inputIds();
    int[] documents = prompt.documentIds();
    int[] positions = prompt.positions(rule);
    for (int i = 0; i < count; i++) {
      INDArray logits =
          Decoder.logits(graph, row(ids), row(documents), row(positions))
              .get(NDArrayIndex.point(0), NDArrayIndex.point(ids.length - 1));
      ids = plus(ids, logits.argMax().getInt(0));
      documents = plus(documents, documents[documents.length - 1]);
      positions = plus(positions, positions[positions.length - 1] + 1);
    }
    return Arrays.copyOfRange(ids, prompt.length(), ids.length);
  }

  private static INDArray row(int[] ids) {
    return Nd4j.createFromArray(new int[][] {ids});
  }

  private static int[] plus(int[] row, int last) {
    int[] longer = Arrays.copyOf(row, row.length + 1);
    longer[row.length] = last;
    return longer;
  }

  static Stream<Arguments> masksAndPositions() {
    return Stream.of(AttentionMask.values())
        .flatMap(mask -> Stream.of(Positions.values()).map(rule -> Arguments.of(mask, rule)));
  }

  @ParameterizedTest
  @MethodSource("masksAndPositions")
  void aBatchGivesWhatEachRowAloneGivesWithoutCache(AttentionMask mask, Positions rule) {
    for (int window : new int[] {0, 5}) {
      ComputationGraph graph = graph(attention(mask).withWindow(window));
      List<int[]> batch =
          new Generator(graph, rule).generate(prompts(), GenerationConfig.greedy(24), NOBODY);
      for (int b = 0; b < batch.size(); b++) {
        assertArrayEquals(recomputed(graph, prompts().get(b), rule, 24), batch.get(b), "row " + b);
      }
    }
  }

  /** Each row's frequencies grow with its own length, whatever stands beside it. */
  @Test
  void dynamicScalingGoesByTheRow() {
    RotaryConfig rotary = RotaryConfig.of(100).withScaling(new RotaryScaling.DynamicNtk(2, 8));
    var generator =
        new Generator(graph(AttentionConfig.DEFAULT.withRotary(rotary)), Positions.CONTINUOUS);
    GenerationConfig config = GenerationConfig.greedy(16);
    List<int[]> batch = generator.generate(prompts(), config, NOBODY);
    for (int b = 0; b < batch.size(); b++) {
      List<int[]> alone = generator.generate(prompts().subList(b, b + 1), config, NOBODY);
      assertArrayEquals(alone.get(0), batch.get(b), "row " + b);
    }
  }

  @Test
  void aRowEndsWithItsStopIdAndOthersGoOn() {
    var generator = new Generator(graph(attention(AttentionMask.FULL)), Positions.CONTINUOUS);
    List<int[]> endless = generator.generate(prompts(), GenerationConfig.greedy(12), NOBODY);
    int stop = endless.get(0)[4];
    List<String> heard = new ArrayList<>();
    List<int[]> stopped =
        generator.generate(
            prompts(),
            GenerationConfig.greedy(12).withStopIds(Set.of(stop, VOCABULARY + 5)),
            (row, id) -> heard.add(row + ":" + id));
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      for (int b = 0; b < stopped.size(); b++) {
        if (i < stopped.get(b).length) {
          expected.add(b + ":" + stopped.get(b)[i]);
        }
      }
    }
    assertEquals(expected, heard);
    for (int b = 0; b < stopped.size(); b++) {
      int[] without = endless.get(b);
      int end = 0;
      while (end < without.length && without[end] != stop) {
        end++;
      }
      assertArrayEquals(
          Arrays.copyOf(without, Math.min(end + 1, without.length)), stopped.get(b), "row " + b);
    }
    assertTrue(stopped.get(0).length <= 5);
  }

  @Test
  void noMemoryIsAskedForTokensThatMayNeverCome() {
    var generator = new Generator(graph(attention(AttentionMask.FULL)), Positions.CONTINUOUS);
    List<PackedRow> prompt = prompts().subList(0, 1);
    int stop = generator.generate(prompt, GenerationConfig.greedy(1), NOBODY).get(0)[0];
    GenerationConfig endless = GenerationConfig.greedy(Integer.MAX_VALUE).withStopIds(Set.of(stop));
    assertArrayEquals(new int[] {stop}, generator.generate(prompt, endless, NOBODY).get(0));
  }

  @Test
  void drawsDependOnSeedAndRowAlone() {
    var generator = new Generator(graph(attention(AttentionMask.FULL)), Positions.CONTINUOUS);
    GenerationConfig config = GenerationConfig.greedy(20).withSampling(1.5, 0, 1, 4);
    List<int[]> batch = generator.generate(prompts(), config, NOBODY);
    assertArrayEquals(batch.get(1), generator.generate(prompts(), config, NOBODY).get(1));
    int[] alone = generator.generate(prompts().subList(0, 1), config, NOBODY).get(0);
    assertArrayEquals(batch.get(0), alone);
    int[] other =
        generator
            .generate(prompts().subList(0, 1), config.withSampling(1.5, 0, 1, 5), NOBODY)
            .get(0);
    assertTrue(!Arrays.equals(alone, other));
  }

  @Test
  void promptsThatCannotBeContinuedAreNamed() {
    var generator = new Generator(graph(attention(AttentionMask.FULL)), Positions.CONTINUOUS);
    assertRefused(generator, List.of(), "generation needs a prompt, got none");
    assertRefused(
        generator,
        List.of(new PackedRow(new int[] {1, 2}, new int[] {1, -1})),
        "prompt 0 ends in padding: its last token, which is continued, must be of a document");
    assertRefused(
        generator,
        List.of(Generator.prompt(1, VOCABULARY)),
        "\"input_ids\"[1] is 23, outside the vocabulary of 23 tokens (0 to 22)");
  }

  private static void assertRefused(Generator generator, List<PackedRow> prompts, String message) {
    var thrown =
        assertThrows(
            IllegalArgumentException.class,
            () -> generator.generate(prompts, GenerationConfig.greedy(1), NOBODY));
    assertEquals(message, thrown.getMessage());
  }
}
