package io.anchor4j.dl4j.layer;

import java.util.List;

/**
 * One parameter array of a layer, in c order.
 *
 * @param key name in the layer's parameter table
 * @param kind how it starts out and whether regularization falls on it
 * @param fanIn inputs that a unit sums over, for weight initialisation
 * @param fanOut outputs that an input reaches, for weight initialisation
 * @param shape sizes of its axes
 */
@SuppressWarnings("ArrayRecordComponent") // Package-private, never compared and never changed.
record LayerParameter(String key, Kind kind, long fanIn, long fanOut, long... shape) {

  enum Kind {
    /** Drawn from the layer's weight initialisation; l1, l2 and weight decay apply. */
    WEIGHT,
    /** Starts at the layer's bias; the bias forms of l1, l2 and weight decay apply. */
    BIAS,
    /** Starts at the layer's gain; no regularization, as for batch normalization. */
    GAIN,
    /** The first matrix of a low-rank adapter; regularized as a weight. */
    REDUCING,
    /** The second matrix of a low-rank adapter, which starts at 0; regularized as a weight. */
    EXPANDING
  }

  /** A matrix [in, out]. */
  static LayerParameter weight(String key, long in, long out) {
    return new LayerParameter(key, Kind.WEIGHT, in, out, in, out);
  }

  /** Heads [heads, headSize, in] that project {@code in} channels to heads * headSize. */
  static LayerParameter heads(String key, long heads, long headSize, long in) {
    return new LayerParameter(
        key, Kind.WEIGHT, in, Math.multiplyExact(heads, headSize), heads, headSize, in);
  }

  /** A row [1, size] that is added. */
  static LayerParameter bias(String key, long size) {
    return new LayerParameter(key, Kind.BIAS, size, size, 1, size);
  }

  /** A row [1, size] that multiplies. */
  static LayerParameter gain(String key, long size) {
    return new LayerParameter(key, Kind.GAIN, size, size, 1, size);
  }

  /** The two matrices of a low-rank adapter of this weight. */
  List<LayerParameter> adapter(int rank) {
    return List.of(
        new LayerParameter(LowRank.reducingKey(key), Kind.REDUCING, fanIn, rank, fanIn, rank),
        new LayerParameter(LowRank.expandingKey(key), Kind.EXPANDING, rank, fanOut, rank, fanOut));
  }

  /** Number of elements. */
  long length() {
    long length = 1;
    for (long size : shape) {
      length = Math.multiplyExact(length, size);
    }
    return length;
  }
}
