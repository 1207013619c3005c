package io.anchor4j.kernel.cpu;

import io.anchor4j.attention.Alibi;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionShapes;
import io.anchor4j.attention.DocumentMask;
import io.anchor4j.attention.DocumentMask.Document;
import io.anchor4j.attention.Precision;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.rotary.RotaryConfig.Pairing;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The arguments of one attention in native memory, until it is closed. */
final class AttentionCall implements AutoCloseable {
  private final NativeKernels.Attention attention = new NativeKernels.Attention();
  private final List<INDArray> arrays = new ArrayList<>();
  private final IntPointer lists;
  private final FloatPointer slopes; // null without ALiBi
  private final FloatPointer angles; // null without rotation

  AttentionCall(AttentionArguments arguments, AngleTables tables) {
    AttentionConfig config = arguments.config();
    AttentionShapes shapes = arguments.shapes();
    int[][] positions = NativeArrays.rows(arguments.positions());
    attention
        .precision(code(config.precision()))
        .causal(config.causal())
        .window(config.window())
        .scale((float) config.scaleFor(shapes.headDim()));
    lists = lists(arguments, positions);
    slopes = config.alibi() ? slopes(shapes.heads()) : null;
    attention.slopes(slopes);
    if (config.rotary() == null) {
      angles = null;
    } else {
      angles = tables.retain(config.rotary(), shapes.headDim(), positions);
      attention
          .pairing(code(config.rotary().pairing()))
          .rotary_pairs(config.rotary().rotatedDimensions(shapes.headDim()) / 2)
          .angles(angles);
    }
    describe(attention.query(), arguments.query());
    describe(attention.key(), arguments.key());
    describe(attention.value(), arguments.value());
  }

  /** The argument of the native function. */
  NativeKernels.Attention attention() {
    return attention;
  }

  /** Describes an array, which stays reachable until this is closed. */
  void describe(NativeKernels.Array target, INDArray array) {
    NativeArrays.describe(target, array);
    arrays.add(array);
  }

  /** Everything that goes by token, in one block: its copy to native memory is one call. */
  private IntPointer lists(AttentionArguments arguments, int[][] positions) {
    int[][] documents = NativeArrays.rows(arguments.documents());
    int batch = documents.length;
    int tokens = arguments.shapes().tokens();
    var masks = new ArrayList<DocumentMask>(batch);
    int spans = 0;
    for (int[] row : documents) {
      var mask = DocumentMask.of(arguments.config(), row);
      masks.add(mask);
      spans += mask.documents().size();
    }
    int tokensAt = batch * tokens;
    int spansAt = 2 * batch * tokens;
    int startsAt = spansAt + 4 * spans;
    int anchorsAt = startsAt + batch + 1;
    var block = new int[anchorsAt + batch];
    int span = 0;
    for (int b = 0; b < batch; b++) {
      DocumentMask mask = masks.get(b);
      System.arraycopy(positions[b], 0, block, b * tokens, tokens);
      int[] listed = mask.tokens().toArray();
      System.arraycopy(listed, 0, block, tokensAt + b * tokens, listed.length);
      for (Document document : mask.documents()) {
        int at = spansAt + 4 * span++;
        block[at] = document.start();
        block[at + 1] = document.end();
        block[at + 2] = document.seesAnchors() ? 1 : 0;
        block[at + 3] = document.windowed() ? 1 : 0;
      }
      block[startsAt + b + 1] = span;
      block[anchorsAt + b] = mask.anchors();
    }
    var lists = new IntPointer(block);
    attention
        .positions(lists.position(0))
        .tokens(lists.position(tokensAt))
        .spans(lists.position(spansAt))
        .span_starts(lists.position(startsAt))
        .anchors(lists.position(anchorsAt));
    return lists.position(0);
  }

  private static FloatPointer slopes(int heads) {
    double[] exact = Alibi.slopes(heads);
    var rounded = new float[heads];
    for (int h = 0; h < heads; h++) {
      rounded[h] = (float) exact[h];
    }
    return new FloatPointer(rounded);
  }

  static int code(Precision precision) {
    return switch (precision) {
      case FLOAT32 -> 0;
      case BFLOAT16 -> 1;
      case BFLOAT16_COMPENSATED -> 2;
    };
  }

  static int code(Pairing pairing) {
    return switch (pairing) {
      case HALF_SPLIT -> 0;
      case INTERLEAVED -> 1;
    };
  }

  @Override
  public void close() {
    try {
      if (angles != null) {
        angles.releaseReference();
      }
      if (slopes != null) {
        slopes.close();
      }
      lists.close();
      attention.close();
    } finally {
      // ND4J frees the memory of arrays that nobody refers to, even while native code is in them.
      Reference.reachabilityFence(arrays);
    }
  }
}
