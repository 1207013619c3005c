package io.anchor4j.samples.demo;

/**
 * The places of a long row in groups: the length the model learned first, then each doubling of it.
 */
final class Buckets {
  /** How many there are. */
  static final int COUNT = 1 + Integer.numberOfTrailingZeros(Demo.LONG_LENGTH / Demo.SHORT_LENGTH);

  private Buckets() {}

  /** Returns the bucket of {@code place}. */
  static int of(int place) {
    int bucket = 0;
    while (place >= end(bucket)) {
      bucket++;
    }
    return bucket;
  }

  /** Returns the first place of a bucket. */
  static int start(int bucket) {
    return bucket == 0 ? 0 : end(bucket - 1);
  }

  /** Returns one past the last place of a bucket. */
  static int end(int bucket) {
    return Demo.SHORT_LENGTH << bucket;
  }

  /** Returns, for example, "256-511". */
  static String name(int bucket) {
    return start(bucket) + "-" + (end(bucket) - 1);
  }
}
