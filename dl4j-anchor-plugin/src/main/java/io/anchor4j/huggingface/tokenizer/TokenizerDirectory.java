package io.anchor4j.huggingface.tokenizer;

import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The directory in which a tokenizer's files lie. */
final class TokenizerDirectory {
  static final String TOKENIZER = "tokenizer.json";

  private static final String[] FILES = {
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja"
  };

  /** In which the tokenizers of older directories come alone. */
  private static final String[] OLDER_FORMATS = {
    "tokenizer.model", "spiece.model", "tekken.json", "vocab.json"
  };

  private TokenizerDirectory() {}

  /**
   * Returns the directory of a tokenizer, which is given itself or by its tokenizer.json.
   *
   * @throws IllegalArgumentException if there is no tokenizer.json, or it is too long
   */
  static Path of(Path directoryOrFile) throws IOException {
    Path file =
        Files.isDirectory(directoryOrFile) ? directoryOrFile.resolve(TOKENIZER) : directoryOrFile;
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException(missing(file));
    }
    if (!file.endsWith(TOKENIZER)) {
      throw new IllegalArgumentException(file + ": expected a directory or its " + TOKENIZER);
    }
    if (Files.size(file) > JsonFields.LONGEST_FILE_BYTES) {
      throw new IllegalArgumentException(
          file + ": over the limit of " + JsonFields.LONGEST_FILE_BYTES + " bytes");
    }
    return file.toAbsolutePath().getParent();
  }

  private static String missing(Path file) {
    Path directory = file.toAbsolutePath().getParent();
    for (String older : OLDER_FORMATS) {
      if (file.endsWith(TOKENIZER) && Files.exists(directory.resolve(older))) {
        return "%s: there is no such file, only %s; convert it once with Python: python -c \"from transformers import AutoTokenizer as T; T.from_pretrained('%s').save_pretrained('%s')\""
            .formatted(file, older, directory, directory);
      }
    }
    return file
        + ": there is no such file; a tokenizer is needed in the tokenizer.json format of Hugging"
        + " Face";
  }

  /** Copies a tokenizer's files as they are; those that are missing are passed over. */
  static void copy(Path directory, Path target) throws IOException {
    for (String name : FILES) {
      Path source = directory.resolve(name);
      Path copy = target.resolve(name);
      if (Files.isRegularFile(source) && !(Files.exists(copy) && Files.isSameFile(source, copy))) {
        WholeFile.write(copy, Files.readAllBytes(source));
      }
    }
  }
}
