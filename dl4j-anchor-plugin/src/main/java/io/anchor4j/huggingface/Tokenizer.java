package io.anchor4j.huggingface;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.anchor4j.huggingface.safetensors.WholeFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Text to token ids and back, by the tokenizer.json of a model's directory.
 *
 * <p>Never cuts and never pads, whatever the file asks for: rows are made elsewhere. Safe for use
 * by several threads.
 */
public final class Tokenizer implements AutoCloseable {
  private static final String[] FILES = {
    TokenizerFiles.TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja"
  };

  // Without these DJL cuts at 512 tokens.
  private static final Map<String, String> WHOLE_TEXT =
      Map.of("truncation", "do_not_truncate", "padding", "do_not_pad", "addSpecialTokens", "false");

  private static final String OFFLINE = "ai.djl.offline";

  private final Path directory;
  private final HuggingFaceTokenizer tokenizer;
  private final TokenizerFiles files;

  private Tokenizer(Path directory, HuggingFaceTokenizer tokenizer, TokenizerFiles files) {
    this.directory = directory;
    this.tokenizer = tokenizer;
    this.files = files;
  }

  /**
   * Loads a tokenizer, without any network access.
   *
   * @param directoryOrFile a directory with tokenizer.json, or that file; what lies beside it
   *     (tokenizer_config.json and others) names the special tokens
   * @throws IllegalArgumentException if there is no tokenizer.json, or it is not a tokenizer
   * @throws IOException if a file cannot be read
   */
  public static Tokenizer load(Path directoryOrFile) throws IOException {
    Path file =
        Files.isDirectory(directoryOrFile)
            ? directoryOrFile.resolve(TokenizerFiles.TOKENIZER)
            : directoryOrFile;
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException(
          file
              + ": there is no such file; a tokenizer is needed in the tokenizer.json format of Hugging"
              + " Face");
    }
    if (!file.endsWith(TokenizerFiles.TOKENIZER)) {
      throw new IllegalArgumentException(
          file + ": expected a directory or its " + TokenizerFiles.TOKENIZER);
    }
    if (Files.size(file) > JsonFields.LONGEST_FILE_BYTES) {
      throw new IllegalArgumentException(
          file + ": over the limit of " + JsonFields.LONGEST_FILE_BYTES + " bytes");
    }
    Path directory = file.toAbsolutePath().getParent();
    TokenizerFiles files = TokenizerFiles.read(directory);
    return new Tokenizer(directory, open(file), files);
  }

  /**
   * Opens the file with DJL told to stay offline: else it asks for Amazon's instance metadata on
   * every load, and on a machine with CUDA downloads another native library. The setting is put
   * back, for DJL's other uses in this process.
   */
  private static synchronized HuggingFaceTokenizer open(Path file) throws IOException {
    byte[] json = Files.readAllBytes(file);
    String before = System.getProperty(OFFLINE);
    System.setProperty(OFFLINE, "true");
    try {
      return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), WHOLE_TEXT);
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(file + ": not a tokenizer: " + e.getMessage(), e);
    } finally {
      if (before == null) {
        System.clearProperty(OFFLINE);
      } else {
        System.setProperty(OFFLINE, before);
      }
    }
  }

  /** Returns the ids of {@code text}, without tokens for its beginning or end. */
  public int[] encode(String text) {
    long[] ids = tokenizer.encode(text, /* addSpecialTokens= */ false, false).getIds();
    return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
  }

  /** Returns the text of {@code ids}, special tokens left out. */
  public String decode(int[] ids) {
    long[] wide = Arrays.stream(ids).asLongStream().toArray();
    return tokenizer.decode(wide, /* skipSpecialTokens= */ true);
  }

  /** Returns the id that begins a text, if the model has one. */
  public OptionalInt beginId() {
    return files.beginId();
  }

  /** Returns the id that ends a text, if the model has one; of several, the tokenizer's own. */
  public OptionalInt endId() {
    return files.endIds().stream().mapToInt(Integer::intValue).findFirst();
  }

  /** Returns every id that ends a text: a chat model has one more for the end of a turn. */
  public Set<Integer> endIds() {
    return files.endIds();
  }

  /** Returns the id for padding, if the model has one. */
  public OptionalInt padId() {
    return files.padId();
  }

  /** Returns the number of ids, which is one more than the largest: added tokens included. */
  public int size() {
    return files.size();
  }

  /**
   * Copies the tokenizer's files into {@code target}, as they are.
   *
   * @throws IOException if one cannot be copied
   */
  public void copyTo(Path target) throws IOException {
    for (String name : FILES) {
      Path source = directory.resolve(name);
      Path copy = target.resolve(name);
      if (Files.isRegularFile(source) && !(Files.exists(copy) && Files.isSameFile(source, copy))) {
        WholeFile.write(copy, Files.readAllBytes(source));
      }
    }
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
