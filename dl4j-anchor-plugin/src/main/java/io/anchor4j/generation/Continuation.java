package io.anchor4j.generation;

import com.google.common.primitives.Ints;
import io.anchor4j.data.PackedRow;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** What one prompt grows by, and what its row gives to the next step: padding once it has ended. */
final class Continuation {
  private final GenerationConfig config;
  private final Sampler sampler;
  private final int document;
  private final int firstPosition;
  private final List<Integer> ids = new ArrayList<>();
  private boolean ended;

  Continuation(PackedRow prompt, int[] positions, GenerationConfig config, int row) {
    this.config = config;
    int[] documents = prompt.documentIds();
    sampler =
        new Sampler(
            config,
            row,
            IntStream.range(0, prompt.length())
                .filter(t -> documents[t] != PackedRow.PADDING)
                .map(t -> prompt.inputIds()[t])
                .toArray());
    int last = prompt.length() - 1;
    document = documents[last];
    firstPosition = positions[last] + 1;
  }

  /** Adds a token, given the logits [V] of what follows, and returns it. */
  int choose(float[] logits) {
    int id = sampler.next(logits);
    ids.add(id);
    ended = config.stopIds().contains(id);
    return id;
  }

  boolean ended() {
    return ended;
  }

  int token() {
    return ended ? 0 : ids.get(ids.size() - 1);
  }

  int document() {
    return ended ? PackedRow.PADDING : document;
  }

  int position() {
    return ended ? 0 : firstPosition + ids.size() - 1;
  }

  /** All new tokens. */
  int[] ids() {
    return Ints.toArray(ids);
  }
}
