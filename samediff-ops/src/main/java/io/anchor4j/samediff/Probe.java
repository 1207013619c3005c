package io.anchor4j.samediff;

import com.google.common.primitives.Longs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.rng.Random;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * One input of a graph, on which it is read and compared before and after.
 *
 * <p>A drawn one has {@link Sizes} where dimensions are open. Floats are normal, integers 0 or 1
 * (which every embedding has). What a mask is computed from is 1 for the first tokens of a row and
 * 0 for the rest, fewer in each row, as padding is.
 */
final class Probe {
  private static final long SEED = 20_240_917;

  private final Map<String, INDArray> arrays;
  private final boolean drawn;

  /** What an open dimension becomes: the first of a placeholder rows, the others tokens. */
  record Sizes(long rows, long tokens) {
    private static final Sizes DEFAULT = new Sizes(2, 5);

    /**
     * Returns what to try, most likely first: graphs that reshape fix rows and tokens in one
     * placeholder and leave them open in others, such as masks.
     */
    static List<Sizes> of(SameDiff graph) {
      var rows = new LinkedHashSet<Long>();
      var tokens = new LinkedHashSet<Long>();
      for (String name : graph.inputs()) {
        long[] shape = graph.getVariable(name).placeholderShape();
        for (int i = 0; shape != null && i < shape.length; i++) {
          if (shape[i] > 1) {
            (i == 0 ? rows : tokens).add(shape[i]);
          }
        }
      }
      rows.add(DEFAULT.rows);
      tokens.add(DEFAULT.tokens);
      return rows.stream()
          .flatMap(r -> tokens.stream().map(t -> new Sizes(r, t)))
          .limit(32)
          .toList();
    }
  }

  private Probe(Map<String, INDArray> arrays, boolean drawn) {
    this.arrays = new TreeMap<>(arrays);
    this.drawn = drawn;
  }

  static Probe of(Map<String, INDArray> arrays) {
    return new Probe(arrays, false);
  }

  /**
   * Draws an input, for a graph of which nothing is known but its placeholders.
   *
   * @throws IllegalArgumentException if a placeholder has no shape, or is neither number nor BOOL
   */
  static Probe draw(SameDiff graph, Sizes open) {
    RandomGenerator random = new SplittableRandom(SEED);
    var arrays = new LinkedHashMap<String, INDArray>();
    for (String name : graph.inputs()) {
      SDVariable placeholder = graph.getVariable(name);
      long[] shape = placeholder.placeholderShape();
      DataType type = placeholder.dataType();
      if (shape == null || !(type.isNumerical() || type == DataType.BOOL)) {
        throw new IllegalArgumentException(
            "SameDiffRetrofit: placeholder '"
                + name
                + "' has "
                + (shape == null ? "no shape" : "type " + type)
                + ", so that no input can be drawn for it. Give one with probe(...).");
      }
      long[] sizes = shape.clone();
      for (int i = 0; i < sizes.length; i++) {
        if (sizes[i] < 0) {
          sizes[i] = i == 0 ? open.rows() : open.tokens();
        }
      }
      arrays.put(name, draw(random, type, sizes, /* mask= */ false));
    }
    return new Probe(arrays, true);
  }

  private static INDArray draw(RandomGenerator random, DataType type, long[] shape, boolean mask) {
    int length = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact);
    long last = shape.length == 0 ? 1 : shape[shape.length - 1];
    double[] values = new double[length];
    for (int i = 0; i < length; i++) {
      long row = shape.length < 2 ? 0 : i / (length / shape[0]);
      boolean counts = i % last < Math.max(1, last - 1 - row);
      if (mask) {
        values[i] = counts ? 1 : 0;
      } else if (type.isFPType()) {
        values[i] = random.nextGaussian();
      } else {
        values[i] = random.nextInt(2);
      }
    }
    return Nd4j.createFromArray(values).reshape(shape).castTo(type);
  }

  /** Returns a draw of the same shapes in which what masks come from is padding. */
  Probe redrawn(Set<String> masks) {
    var shapes = new TreeMap<String, INDArray>();
    RandomGenerator random = new SplittableRandom(SEED);
    arrays.forEach(
        (name, array) ->
            shapes.put(name, draw(random, array.dataType(), array.shape(), masks.contains(name))));
    return new Probe(shapes, drawn);
  }

  /**
   * Returns the same but for the end of each row, where numbers are reflected in their range.
   *
   * @param starts the first token of each row that is rewritten
   * @param tokens in a row
   * @param fixed the placeholders that stay
   */
  Probe rewritten(long[] starts, long tokens, Set<String> fixed) {
    var all = new TreeMap<>(arrays);
    all.replaceAll(
        (name, array) ->
            fixed.contains(name) || !array.dataType().isNumerical()
                ? array
                : rewritten(array, starts, tokens));
    return new Probe(all, drawn);
  }

  /** Rows and tokens are what the first axes count, as [B, T, ..] and [B * T, ..], or two axes. */
  private static INDArray rewritten(INDArray array, long[] starts, long tokens) {
    long[] shape = array.shape();
    INDArray rows = array.dup('c');
    long counted = 1;
    int axis = 0;
    while (axis < shape.length && counted < starts.length * tokens) {
      counted *= shape[axis++];
    }
    if (counted == starts.length * tokens) {
      rows = rows.reshape(starts.length, tokens, -1);
      axis = 1;
    } else {
      axis = Longs.lastIndexOf(shape, tokens);
      if (axis < 1 || shape[0] != starts.length) {
        return array;
      }
    }
    Number range =
        array.dataType().isFPType()
            ? array.maxNumber().doubleValue() + array.minNumber().doubleValue()
            : array.maxNumber().longValue() + array.minNumber().longValue();
    var end = NDArrayIndex.allFor(rows);
    for (int row = 0; row < starts.length; row++) {
      end[0] = NDArrayIndex.point(row);
      end[axis] = NDArrayIndex.interval(starts[row], tokens);
      rows.get(end).rsubi(range);
    }
    return rows.reshape(shape);
  }

  Probe with(String name, INDArray array) {
    var all = new TreeMap<>(arrays);
    all.put(name, array);
    return new Probe(all, drawn);
  }

  Map<String, INDArray> run(SameDiff graph, Set<String> variables) {
    return variables.isEmpty()
        ? Map.of()
        : drawingAlike(() -> graph.output(arrays, new ArrayList<>(variables)));
  }

  Map<String, INDArray> gradients(SameDiff graph, List<String> variables) {
    return drawingAlike(() -> graph.calculateGradients(arrays, variables));
  }

  /** Has every run draw the same numbers, for dropout, and none of those the user's code draws. */
  private static <T> T drawingAlike(Supplier<T> run) {
    Random generator = Nd4j.getRandom();
    long root = generator.rootState();
    long node = generator.nodeState();
    generator.setStates(SEED, SEED);
    try {
      return run.get();
    } finally {
      generator.setStates(root, node);
    }
  }

  @Override
  public String toString() {
    var text = new ArrayList<String>();
    arrays.forEach(
        (name, array) ->
            text.add(name + " " + array.dataType() + " " + Arrays.toString(array.shape())));
    return (drawn ? "drawn: " : "given: ") + String.join(", ", text);
  }
}
