package io.anchor4j.samediff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionMask;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Heads in the rows of [N, T, D]: each row reads the documents of its own, or the call fails. */
class FoldedHeadsTest {
  private static final long TOKENS = 6;
  private static final long DIM = 4;

  /** Ways from tokens [B, T, H * D] to [N, T, D] and from there to [B, H, T, D]. */
  private enum Folded {
    BATCH_FIRST {
      @Override
      SDVariable fold(SDVariable tokens, int heads) {
        SDVariable split = tokens.reshape(-1, TOKENS, heads, DIM);
        return split.permute(0, 2, 1, 3).reshape(-1, TOKENS, DIM);
      }

      @Override
      INDArray unfold(INDArray rows, int heads) {
        return rows.reshape(-1, heads, TOKENS, DIM);
      }
    },
    HEADS_FIRST {
      @Override
      SDVariable fold(SDVariable tokens, int heads) {
        SDVariable split = tokens.reshape(-1, TOKENS, heads, DIM);
        return split.permute(2, 0, 1, 3).reshape(-1, TOKENS, DIM);
      }

      @Override
      INDArray unfold(INDArray rows, int heads) {
        return rows.reshape(heads, -1, TOKENS, DIM).permute(1, 0, 2, 3);
      }
    },
    HEADS_FIRST_IN_TWO_STEPS {
      @Override
      SDVariable fold(SDVariable tokens, int heads) {
        SDVariable split = tokens.reshape(-1, heads * DIM).reshape(-1, TOKENS, heads, DIM);
        SDVariable batchFirst = split.permute(0, 2, 1, 3).mul(1);
        return batchFirst.permute(1, 0, 2, 3).reshape(-1, TOKENS, DIM).add(0);
      }

      @Override
      INDArray unfold(INDArray rows, int heads) {
        return HEADS_FIRST.unfold(rows, heads);
      }
    },
    HEADS_FIRST_FROM_CHANNELS_BEFORE_TOKENS {
      @Override
      SDVariable fold(SDVariable tokens, int heads) {
        SDVariable split = tokens.permute(0, 2, 1).reshape(-1, heads, DIM, TOKENS);
        return split.permute(1, 0, 3, 2).reshape(-1, TOKENS, DIM);
      }

      @Override
      INDArray unfold(INDArray rows, int heads) {
        return HEADS_FIRST.unfold(rows, heads);
      }
    },
    BATCH_FIRST_FROM_TOKENS_BEFORE_BATCH {
      @Override
      SDVariable fold(SDVariable tokens, int heads) {
        SDVariable split = tokens.permute(1, 0, 2).reshape(TOKENS, -1, heads, DIM);
        return split.permute(1, 2, 0, 3).reshape(-1, TOKENS, DIM);
      }

      @Override
      INDArray unfold(INDArray rows, int heads) {
        return BATCH_FIRST.unfold(rows, heads);
      }
    };

    abstract SDVariable fold(SDVariable tokens, int heads);

    abstract INDArray unfold(INDArray rows, int heads);
  }

  private static INDArray normal(SplittableRandom random, long... shape) {
    INDArray array = Nd4j.create(DataType.FLOAT, shape);
    for (int i = 0; i < array.length(); i++) {
      array.putScalar(i, random.nextGaussian());
    }
    return array;
  }

  private interface Heads {
    SDVariable of(SDVariable tokens);
  }

  /** Attention over what {@code heads} makes of three projections, the same at each call. */
  private static SameDiff attention(int heads, Heads form) {
    var random = new SplittableRandom(11);
    SameDiff graph = SameDiff.create();
    long channels = heads * DIM;
    SDVariable input = graph.placeHolder("input", DataType.FLOAT, -1, TOKENS, channels);
    var qkv = new SDVariable[3];
    for (int i = 0; i < 3; i++) {
      SDVariable weight = graph.var("W" + i, normal(random, channels, channels).muli(0.3));
      SDVariable rows = input.reshape(-1, channels).mmul(weight);
      qkv[i] = form.of(rows.reshape(-1, TOKENS, channels));
    }
    SDVariable scores = graph.mmul(qkv[0], qkv[1], false, true, false).mul(0.5);
    graph.mmul(graph.nn.softmax(scores, -1), qkv[2]).rename("mixed").add("end", 0);
    return graph;
  }

  private static SameDiffRetrofit.Builder documents() {
    return new SameDiffRetrofit.Builder()
        .documents("documents")
        .attention(a -> a.withMask(AttentionMask.INTRA_DOCUMENT));
  }

  static Stream<Arguments> foldings() {
    return Stream.of(Folded.values())
        .flatMap(
            folded ->
                Stream.of(new int[] {3, 2}, new int[] {2, 2}, new int[] {2, 5})
                    .map(sizes -> Arguments.of(folded, sizes[0], sizes[1])));
  }

  /** Beside the same heads unfolded, where the batch is the op's own. */
  @ParameterizedTest(name = "{0}, {1} rows, {2} heads")
  @MethodSource("foldings")
  void eachRowReadsItsOwnDocuments(Folded folded, int rows, int heads) {
    SameDiff graph = attention(heads, tokens -> folded.fold(tokens, heads));
    SameDiff unfolded =
        attention(heads, t -> t.reshape(-1, TOKENS, heads, DIM).permute(0, 2, 1, 3));
    documents().build().apply(graph);
    documents().build().apply(unfolded);
    INDArray ids = Nd4j.ones(DataType.INT32, rows, TOKENS);
    for (int row = 0; row < rows; row++) {
      for (int token = row + 1; token < TOKENS; token++) {
        ids.putScalar(row, token, 2);
      }
    }
    INDArray input = normal(new SplittableRandom(4), rows, TOKENS, heads * DIM);
    Map<String, INDArray> inputs = Map.of("input", input, "documents", ids);
    double difference =
        Differences.ofValues(
            unfolded.outputSingle(inputs, "mixed"),
            folded.unfold(graph.outputSingle(inputs, "mixed"), heads));
    assertTrue(difference <= 1e-5, () -> "differs by " + difference);
  }

  /** Of the first layer's heads joined, and perhaps folded again in another order. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aSecondLayerReadsTheSameDocuments(boolean foldedAgain) {
    SameDiff graph = SameDiff.create();
    var random = new SplittableRandom(12);
    SDVariable input = graph.placeHolder("input", DataType.FLOAT, -1, TOKENS, 2 * DIM);
    SDVariable first = selfAttention(Folded.HEADS_FIRST.fold(input, 2)).rename("first");
    SDVariable heads = first.reshape(2, -1, TOKENS, DIM).permute(1, 2, 0, 3);
    SDVariable weight = graph.var("W", normal(random, 2 * DIM, 2 * DIM).muli(0.3));
    SDVariable rows = heads.reshape(-1, TOKENS, 2 * DIM).reshape(-1, 2 * DIM).mmul(weight);
    SDVariable joined = rows.reshape(-1, TOKENS, 2 * DIM);
    selfAttention(foldedAgain ? Folded.BATCH_FIRST.fold(joined, 2) : joined)
        .rename("second")
        .add("end", 0);
    SameDiffRetrofitReport report = documents().build().apply(graph);
    assertEquals(2, report.replaced().size());
    assertEquals(0, report.proof().leak());
  }

  @Test
  void aRowOfFeaturesIsARowOfTokens() {
    SameDiff graph = SameDiff.create();
    SDVariable input = graph.placeHolder("input", DataType.FLOAT, 3, TOKENS * DIM);
    selfAttention(input.reshape(-1, TOKENS, DIM)).rename("mixed").add("end", 0);
    assertEquals(1, documents().build().apply(graph).replaced().size());
  }

  private static SDVariable selfAttention(SDVariable heads) {
    SameDiff graph = heads.getSameDiff();
    SDVariable scores = graph.mmul(heads, heads, false, true, false);
    return graph.mmul(graph.nn.softmax(scores, -1), heads);
  }

  /** What may be the batch or not: still replaced, but documents are refused. */
  private enum Unclear implements Heads {
    /** Rows of T * D numbers that are no head's. */
    RESHAPED_WITHOUT_A_PERMUTATION {
      @Override
      public SDVariable of(SDVariable tokens) {
        return tokens.reshape(-1, 2, TOKENS, DIM).reshape(-1, TOKENS, DIM);
      }
    },
    RESHAPED_AT_ONCE {
      @Override
      public SDVariable of(SDVariable tokens) {
        return tokens.reshape(-1, TOKENS, DIM);
      }
    },
    TWO_BATCHES_BELOW_EACH_OTHER {
      @Override
      public SDVariable of(SDVariable tokens) {
        return tokens.getSameDiff().concat(0, tokens, tokens.mul(2));
      }
    },
    HALF_ROWS_BELOW_EACH_OTHER {
      @Override
      public SDVariable of(SDVariable tokens) {
        SameDiff graph = tokens.getSameDiff();
        return graph.concat(0, graph.split(tokens, 2, 1));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void documentsAreRefusedWhereRowsAreUnclear(Unclear heads) {
    SameDiff graph = attention(2, heads);
    var retrofit = documents().build();
    var error = assertThrows(IllegalArgumentException.class, () -> retrofit.apply(graph));
    assertEquals(
        "SameDiffRetrofit: documents, causal, window, alibi and rotary do not fit 'mixed': how its"
            + " heads were folded into the batch is not understood. Leave it out with only(...).",
        error.getMessage());
    assertEquals(1, new SameDiffRetrofit.Builder().build().apply(graph).replaced().size());
  }

  @Test
  void aPlaceholderOfHeadsDoesNotSayWhichAxisIsTheBatch() {
    SameDiff graph = SameDiff.create();
    SDVariable input = graph.placeHolder("input", DataType.FLOAT, 3, 2, TOKENS, DIM);
    selfAttention(input.reshape(-1, TOKENS, DIM)).rename("mixed").add("end", 0);
    var retrofit = documents().build();
    assertThrows(IllegalArgumentException.class, () -> retrofit.apply(graph));
  }

  /** One slope for all heads would be none of those that ALiBi gives them. */
  @ParameterizedTest
  @EnumSource
  void alibiIsRefused(Folded folded) {
    SameDiff graph = attention(2, tokens -> folded.fold(tokens, 2));
    var retrofit = new SameDiffRetrofit.Builder().attention(a -> a.withAlibi(true)).build();
    var error = assertThrows(IllegalArgumentException.class, () -> retrofit.apply(graph));
    assertEquals(
        "SameDiffRetrofit: alibi does not fit 'mixed': its 2 heads are rows of the batch, and each"
            + " would get the slope of a single head. Leave it out with only(...).",
        error.getMessage());
  }
}
