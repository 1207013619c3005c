package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.anchor4j.data.PackedRow;
import io.anchor4j.data.Positions;
import io.anchor4j.generation.GenerationConfig;
import io.anchor4j.generation.Generator;
import io.anchor4j.huggingface.HuggingFaceModel;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Greedy tokens against those of transformers' generate with its cache. */
class TransformersGenerationTest {
  private static final int NEW_TOKENS = 24;

  static Stream<Fixture> fixtures() {
    return Fixture.all();
  }

  /** Prompts of unequal length, each alone and both as one batch. */
  @ParameterizedTest
  @MethodSource("fixtures")
  void tokensAreIdentical(Fixture fixture) throws IOException {
    var generator = new Generator(HuggingFaceModel.load(fixture.directory()), Positions.CONTINUOUS);
    List<PackedRow> prompts =
        Stream.of(0, 1)
            .map(n -> Generator.prompt(fixture.rows("generated/" + n + "/prompt")[0]))
            .toList();
    GenerationConfig config = GenerationConfig.greedy(NEW_TOKENS);
    List<int[]> batch = generator.generate(prompts, config, (row, id) -> {});
    for (int n = 0; n < prompts.size(); n++) {
      int[] expected = fixture.rows("generated/" + n + "/ids")[0];
      assertEquals(NEW_TOKENS, expected.length);
      List<PackedRow> one = List.of(prompts.get(n));
      assertArrayEquals(expected, generator.generate(one, config, (row, id) -> {}).get(0));
      assertArrayEquals(expected, batch.get(n), "in a batch, row " + n);
    }
  }
}
