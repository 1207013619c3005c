package io.anchor4j.kernel.cpu;

import io.anchor4j.rotary.RotaryAngles;
import io.anchor4j.rotary.RotaryConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Tables of cosine and sine for native code, float [B, T, pairs, 2].
 *
 * <p>All layers of a step turn by the same angles, forward and backward, and so does the next token
 * of a decoded row but for itself: the last few tables are kept, and one that begins as another
 * does is copied from it that far. A table depends on the configuration, the head dimension and
 * every position of the batch; all of them are compared.
 */
final class AngleTables {
  /** The tables of training, of its evaluation, and two more. */
  private static final int KEPT = 4;

  /** Tokens that one task fills in: about a millisecond of sines. */
  private static final int CHUNK = 256;

  /** Least recently used first. */
  private final List<Table> tables = new ArrayList<>();

  private static final class Table {
    final RotaryConfig config;
    final int headDim;
    final int[][] positions;
    final double[][] frequencies;
    final FloatPointer values;

    Table(
        RotaryConfig config,
        int headDim,
        int[][] positions,
        double[][] frequencies,
        FloatPointer values) {
      this.config = config;
      this.headDim = headDim;
      this.positions = positions;
      this.frequencies = frequencies;
      this.values = values;
    }

    boolean isOf(RotaryConfig config, int headDim, int[][] positions) {
      return this.headDim == headDim
          && this.config.equals(config)
          && Arrays.deepEquals(this.positions, positions);
    }

    /** Returns whether a table of those positions begins as this one does. */
    boolean begins(RotaryConfig config, int[][] positions, double[][] frequencies) {
      // Frequencies too: those of dynamic NTK change with a row's largest position.
      boolean begins =
          this.config.equals(config)
              && Arrays.deepEquals(this.frequencies, frequencies)
              && tokens() <= positions[0].length;
      for (int b = 0; begins && b < positions.length; b++) {
        begins = Arrays.equals(this.positions[b], 0, tokens(), positions[b], 0, tokens());
      }
      return begins;
    }

    int tokens() {
      return positions[0].length;
    }
  }

  /**
   * Returns the table of those positions, retained: the caller releases it when native code is done
   * with it.
   *
   * @param positions [B][T], at least one token
   */
  synchronized FloatPointer retain(RotaryConfig config, int headDim, int[][] positions) {
    Table found = null;
    for (Table table : tables) {
      if (table.isOf(config, headDim, positions)) {
        found = table;
      }
    }
    if (found == null) {
      found = make(config, headDim, positions);
      if (tables.size() == KEPT) {
        tables.remove(0).values.releaseReference();
      }
    } else {
      tables.remove(found);
    }
    tables.add(found);
    return found.values.retainReference();
  }

  private Table make(RotaryConfig config, int headDim, int[][] positions) {
    int dimensions = config.rotatedDimensions(headDim);
    var frequencies = new double[positions.length][];
    for (int b = 0; b < positions.length; b++) {
      int largest = Math.max(-1, Arrays.stream(positions[b]).max().orElseThrow());
      frequencies[b] = RotaryAngles.inverseFrequencies(config, dimensions, largest);
    }
    Table start = null;
    for (Table table : tables) {
      if (table.begins(config, positions, frequencies)
          && (start == null || table.tokens() > start.tokens())) {
        start = table;
      }
    }
    int tokens = positions[0].length;
    var values = new FloatPointer((long) positions.length * tokens * dimensions);
    var table = new Table(config, headDim, positions, frequencies, values);
    for (int b = 0; b < positions.length; b++) {
      int known = start == null ? 0 : start.tokens();
      if (known > 0) {
        Pointer.memcpy(
            values.getPointer((long) b * tokens * dimensions),
            start.values.getPointer((long) b * known * dimensions),
            (long) known * dimensions * Float.BYTES);
      }
      fill(table, b, known);
    }
    values.retainReference(); // until it is no longer kept
    return table;
  }

  /** Fills in the tokens of row {@code b} from {@code first} on. */
  private static void fill(Table table, int b, int first) {
    double factor = RotaryAngles.attentionFactor(table.config.scaling());
    int[] positions = table.positions[b];
    for (int from = first; from < positions.length; from += CHUNK) {
      int to = Math.min(from + CHUNK, positions.length);
      float[] values = RotaryAngles.inFloat(table.frequencies[b], factor, positions, from, to);
      long start = ((long) b * positions.length + from) * values.length / (to - from);
      table.values.getPointer(start).put(values);
    }
  }
}
