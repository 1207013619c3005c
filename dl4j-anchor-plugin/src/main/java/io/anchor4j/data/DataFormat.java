package io.anchor4j.data;

import io.anchor4j.attention.CliNames;

/** What a line of a JSON Lines file holds. */
public enum DataFormat {
  /** {@code {"text": "..."}}: one document. */
  RAW,
  /** {@code {"input_ids": [...], "source": [{"end": 812}, ...]}}: documents as token ids. */
  TOKENIZED,
  /** {@code {"input_ids": [...], "document_ids": [...]}}: one packed row. */
  PACKED;

  /** Returns the word for this choice on the command line and in run files. */
  public String cliName() {
    return CliNames.of(this);
  }

  /**
   * Returns the choice that {@code word} names.
   *
   * @throws IllegalArgumentException if {@code word} is none of the words of {@link #cliName}
   */
  public static DataFormat parse(String word) {
    return CliNames.parse(DataFormat.class, "format", word);
  }
}
