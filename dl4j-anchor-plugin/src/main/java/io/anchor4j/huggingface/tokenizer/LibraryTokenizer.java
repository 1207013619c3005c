package io.anchor4j.huggingface.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.core.JsonProcessingException;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * A tokenizer of Hugging Face's library, through DJL. What would end the process is kept from it:
 * files by {@link TokenizerGuard}, texts by {@link #LONGEST_STRETCH}.
 */
final class LibraryTokenizer implements AutoCloseable {
  // Without these DJL cuts at 512 tokens.
  private static final Map<String, String> WHOLE_TEXT =
      Map.of("truncation", "do_not_truncate", "padding", "do_not_pad", "addSpecialTokens", "false");

  private static final String OFFLINE = "ai.djl.offline";

  /**
   * A match that goes back over 10,000,000 times ends the process. With the regular expression of
   * Llama 3 and Qwen, 12,000,000 spaces in a row do.
   */
  private static final int LONGEST_STRETCH = 2_000_000;

  private final Path file;
  private final HuggingFaceTokenizer tokenizer;

  private LibraryTokenizer(Path file, HuggingFaceTokenizer tokenizer) {
    this.file = file;
    this.tokenizer = tokenizer;
  }

  /**
   * Opens a tokenizer.json.
   *
   * @param literal whether special tokens are not to be found in a text
   * @throws IllegalArgumentException if it is not a tokenizer, or not one that the library survives
   * @throws IOException if it cannot be read
   */
  static LibraryTokenizer open(Path file, TokenizerFiles files, boolean literal)
      throws IOException {
    try {
      byte[] json = TokenizerJson.with(Files.readAllBytes(file), files, literal);
      TokenizerGuard.check(json);
      return new LibraryTokenizer(file, open(json));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          file + ": not valid JSON: " + SafetensorsException.printable(e.getOriginalMessage()), e);
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(file + ": not a tokenizer: " + message(e), e);
    }
  }

  /**
   * Opens the file with DJL told to stay offline: else it asks for Amazon's instance metadata on
   * every load, and on a machine with CUDA downloads another native library. The setting is put
   * back, for DJL's other uses in this process.
   */
  private static HuggingFaceTokenizer open(byte[] json) throws IOException {
    synchronized (LibraryTokenizer.class) {
      String before = System.getProperty(OFFLINE);
      System.setProperty(OFFLINE, "true");
      try {
        return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), WHOLE_TEXT);
      } finally {
        if (before == null) {
          System.clearProperty(OFFLINE);
        } else {
          System.setProperty(OFFLINE, before);
        }
      }
    }
  }

  /**
   * Returns the ids of {@code text}.
   *
   * @throws IllegalArgumentException if the tokenizer has no id for a part of it, or it has over
   *     {@link #LONGEST_STRETCH} characters in a row that are all white space or all none
   */
  int[] encode(String text, boolean addSpecialTokens) {
    checkStretches(text);
    try {
      long[] ids = tokenizer.encode(text, addSpecialTokens, false).getIds();
      return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(file + ": " + message(e), e);
    }
  }

  private static void checkStretches(String text) {
    int begin = 0;
    for (int i = 0; i < text.length(); i++) {
      if (isSpace(text.charAt(i)) != isSpace(text.charAt(begin))) {
        begin = i;
      }
      if (i - begin >= LONGEST_STRETCH) {
        throw new IllegalArgumentException(
            "a text must not have over %d characters in a row of white space or without any"
                .formatted(LONGEST_STRETCH));
      }
    }
  }

  /** As regular expressions see it: next line and no-break spaces are white space too. */
  static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
  }

  String decode(int[] ids, boolean skipSpecialTokens) {
    long[] wide = Arrays.stream(ids).asLongStream().toArray();
    return tokenizer.decode(wide, skipSpecialTokens);
  }

  private static String message(RuntimeException e) {
    return SafetensorsException.printable(String.valueOf(e.getMessage()));
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
