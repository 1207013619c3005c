package io.anchor4j.benchmarks.work;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.attention.AttentionMask;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Rows of packed documents, and how many pairs of tokens see each other in them. */
public final class Documents {
  private Documents() {}

  /**
   * Returns the ids of a row of documents whose lengths are drawn from an exponential distribution,
   * the last one cut to fit: a heavy-tailed mix of short and long, as texts are. Equal arguments
   * give equal rows.
   *
   * @param mean of the distribution; the mean of the row is near it
   */
  public static int[] exponential(int tokens, int mean, long seed) {
    var random = new SplittableRandom(seed);
    int[] ids = new int[tokens];
    int document = 0;
    for (int start = 0; start < tokens; ) {
      double drawn = -mean * Math.log(1 - random.nextDouble());
      int end = (int) Math.min(tokens, start + Math.max(1, Math.round(drawn)));
      Arrays.fill(ids, start, end, ++document);
      start = end;
    }
    return ids;
  }

  /** Returns the ids of a row of {@code count} documents, equally long but for rounding. */
  public static int[] equal(int tokens, int count) {
    checkArgument(count >= 1 && count <= tokens, "%s documents in %s tokens", count, tokens);
    int[] ids = new int[tokens];
    for (int t = 0; t < tokens; t++) {
      ids[t] = (int) ((long) t * count / tokens) + 1;
    }
    return ids;
  }

  /** Returns the row with its first token made an anchor. */
  public static int[] anchored(int[] documents) {
    int[] ids = documents.clone();
    ids[0] = AttentionMask.ANCHOR_ID;
    return ids;
  }

  /** Returns how many pairs of query and key see each other under a causal mask. */
  public static long visiblePairs(AttentionMask mask, int[] documents) {
    Map<Integer, Long> soFar = new HashMap<>();
    long pairs = 0;
    for (int id : documents) {
      if (id == AttentionMask.PADDING_ID) {
        continue;
      }
      int group = mask == AttentionMask.FULL ? AttentionMask.ANCHOR_ID : id;
      pairs += soFar.merge(group, 1L, Long::sum);
      if (mask == AttentionMask.ANCHOR && id != AttentionMask.ANCHOR_ID) {
        pairs += soFar.getOrDefault(AttentionMask.ANCHOR_ID, 0L);
      }
    }
    return pairs;
  }

  /** Returns how many documents a row has, anchors and padding not counted. */
  public static int count(int[] documents) {
    return (int) Arrays.stream(documents).filter(id -> id > 0).distinct().count();
  }
}
