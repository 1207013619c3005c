package io.anchor4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SplitMix64Test {
  /** The first numbers are those of the published generator; the orders were made in Python. */
  @Test
  void numbersAndOrdersArePinnedAsResumingAnOldRunReliesOnThem() {
    SplitMix64 random = new SplitMix64(0, 0);
    assertEquals(0xe220a8397b1dcdafL, random.next());
    assertEquals(0x6e789e6aa1b965f4L, random.next());
    assertArrayEquals(
        new int[] {6, 0, 3, 5, 1, 9, 7, 2, 8, 4}, new SplitMix64(0, 0).permutation(10));
    assertArrayEquals(
        new int[] {4, 8, 0, 6, 9, 5, 2, 1, 3, 7}, new SplitMix64(42, 7).permutation(10));
  }

  @Test
  void aPermutationHoldsEachNumberOnce() {
    for (int size : new int[] {0, 1, 2, 13, 1000}) {
      int[] sorted = new SplitMix64(7, 3).permutation(size);
      Arrays.sort(sorted);
      assertArrayEquals(IntStream.range(0, size).toArray(), sorted);
    }
  }

  @Test
  void seedsAndEpochsGiveOrdersOfTheirOwn() {
    int[] order = new SplitMix64(7, 0).permutation(100);
    assertArrayEquals(order, new SplitMix64(7, 0).permutation(100));
    assertFalse(Arrays.equals(order, new SplitMix64(7, 1).permutation(100)));
    assertFalse(Arrays.equals(order, new SplitMix64(8, 0).permutation(100)));
  }

  /** 24,000 draws of the 24 orders of four: each about 1,000 times, standard deviation 31. */
  @Test
  void ordersAreEquallyLikely() {
    int[] times = new int[256];
    for (int epoch = 0; epoch < 24_000; epoch++) {
      int[] order = new SplitMix64(42, epoch).permutation(4);
      times[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]]++;
    }
    assertEquals(24, Arrays.stream(times).filter(n -> n > 0).count());
    assertEquals(24, Arrays.stream(times).filter(n -> n > 840 && n < 1160).count());
  }
}
