package io.anchor4j.data;

/**
 * The SplitMix64 generator, written out so that the order of the data and the tokens drawn are the
 * same on every Java.
 *
 * @see <a href="https://doi.org/10.1145/2714064.2660195">Fast splittable pseudorandom number
 *     generators</a>
 */
public final class SplitMix64 {
  private static final long GOLDEN = 0x9e3779b97f4a7c15L;

  private long state;

  /** A generator for stream {@code stream} of {@code seed}; streams do not overlap in practice. */
  public SplitMix64(long seed, long stream) {
    state = mix(mix(seed) + GOLDEN * stream);
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  long next() {
    state += GOLDEN;
    return mix(state);
  }

  /** Returns one of the 2^53 multiples of 2^-53 from 0 to below 1, each as likely. */
  public double nextDouble() {
    return (next() >>> 11) * 0x1p-53;
  }

  /** Returns a number from 0 to {@code bound - 1}; of 63 bits, so its bias is below 2^-32. */
  int below(int bound) {
    return (int) ((next() >>> 1) % bound);
  }

  /** Returns the numbers from 0 to {@code size - 1} in an order drawn by Fisher and Yates's way. */
  int[] permutation(int size) {
    int[] order = new int[size];
    for (int i = 0; i < size; i++) {
      int j = below(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }
}
