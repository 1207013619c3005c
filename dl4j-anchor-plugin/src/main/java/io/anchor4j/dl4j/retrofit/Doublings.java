package io.anchor4j.dl4j.retrofit;

/**
 * How often a gradient was doubled on its way down from the loss: fewest and most of all its ways.
 */
record Doublings(int least, int most) {
  static final Doublings NONE = new Doublings(0, 0);

  /** Returns these and {@code times} more. */
  Doublings and(int times) {
    return new Doublings(least + times, most + times);
  }

  /** Returns these or those, for a gradient that is the sum of both. */
  Doublings or(Doublings other) {
    return new Doublings(Math.min(least, other.least), Math.max(most, other.most));
  }

  /** Whether every way had as many. */
  boolean exact() {
    return least == most;
  }
}
