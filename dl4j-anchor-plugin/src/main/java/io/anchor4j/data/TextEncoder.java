package io.anchor4j.data;

/** Turns text into token ids, as a tokenizer does. */
@FunctionalInterface
public interface TextEncoder {
  /** Returns the ids of {@code text}, without any special token around them and never cut short. */
  int[] encode(String text);
}
