package io.anchor4j.data;

import java.util.List;

/** Turns text into token ids, as a tokenizer does. */
@FunctionalInterface
public interface TextEncoder {
  /** Returns the ids of {@code text}, without any special token around them and never cut short. */
  int[] encode(String text);

  /**
   * Returns the ids of a conversation.
   *
   * @throws EncoderException if none can be encoded
   * @throws IllegalArgumentException if this one cannot be encoded
   */
  default int[] encode(List<ChatMessage> messages) {
    throw new IllegalArgumentException("\"messages\" need a tokenizer with a chat template");
  }
}
