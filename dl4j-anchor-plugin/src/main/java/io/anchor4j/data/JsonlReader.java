package io.anchor4j.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.google.common.collect.AbstractIterator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Reads JSON Lines files one line at a time, in the order given; gzipped files are read as they
 * are.
 *
 * <p>A file may be larger than memory; a line may not be longer than 512 MiB. Blank lines are
 * passed over. A line that cannot be used goes to {@link BadLines}. Damaged gzip data ends the
 * reading whatever {@link BadLines} says, since nothing after it can be read. A failing disk is an
 * {@link UncheckedIOException}.
 *
 * @param <T> what a line becomes
 */
public final class JsonlReader<T> extends AbstractIterator<T> implements AutoCloseable {
  private final List<Path> files;
  private final LineParser<T> parser;
  private final BadLines badLines;
  private int nextFile;
  private LineReader lines;

  /** Turns the text of a line into its value. */
  @FunctionalInterface
  interface LineParser<T> {
    /**
     * Returns the value of {@code line}.
     *
     * @throws JsonProcessingException if the line is not JSON
     * @throws IllegalArgumentException with the reason if the line cannot be used
     */
    T parse(String line) throws IOException;
  }

  JsonlReader(List<Path> files, LineParser<T> parser, BadLines badLines) {
    this.files = List.copyOf(files);
    this.parser = parser;
    this.badLines = badLines;
    if (files.isEmpty()) {
      throw new IllegalArgumentException("no data file was given");
    }
    for (Path file : files) {
      // All files are looked at first: a run should not end hours later for a mistyped name.
      if (!Files.exists(file)) {
        throw new IllegalArgumentException(file + ": there is no such file");
      }
      if (Files.isDirectory(file) || !Files.isReadable(file)) {
        throw new IllegalArgumentException(file + ": is not a file that can be read");
      }
    }
  }

  /**
   * Returns a reader of raw files: the tokens of each document, one document in each list.
   *
   * @param vocabularySize number of tokens in the model's vocabulary, which ids must be below
   * @throws IllegalArgumentException if there is no file, or one cannot be read; {@link #next}
   *     throws {@link EncoderException} if the encoder cannot be used
   */
  public static JsonlReader<List<int[]>> raw(
      List<Path> files, TextEncoder encoder, int vocabularySize, BadLines badLines) {
    return new JsonlReader<>(
        files,
        line -> {
          LineFormat.Raw document = LineFormat.raw(line);
          int[] ids =
              document.messages() == null
                  ? encoder.encode(document.text())
                  : encoder.encode(document.messages());
          Vocabulary.check("tokens", ids, vocabularySize);
          return List.of(ids);
        },
        badLines);
  }

  /**
   * Returns a reader of tokenized files: the tokens of each document of a line.
   *
   * @param vocabularySize number of tokens in the model's vocabulary, which ids must be below
   * @throws IllegalArgumentException if there is no file, or one cannot be read
   */
  public static JsonlReader<List<int[]>> tokenized(
      List<Path> files, int vocabularySize, BadLines badLines) {
    return new JsonlReader<>(
        files,
        line -> {
          List<int[]> documents = LineFormat.tokenized(line);
          int start = 0;
          for (int[] document : documents) {
            Vocabulary.check("\"input_ids\"", document, start, vocabularySize);
            start += document.length;
          }
          return documents;
        },
        badLines);
  }

  /**
   * Returns a reader of packed files: the row of each line.
   *
   * @param vocabularySize number of tokens in the model's vocabulary, which ids must be below
   * @param maxTokens largest number of tokens that a row may have
   * @throws IllegalArgumentException if there is no file, or one cannot be read
   */
  public static JsonlReader<PackedRow> packed(
      List<Path> files, int vocabularySize, int maxTokens, BadLines badLines) {
    return new JsonlReader<>(
        files,
        line -> {
          PackedRow row = LineFormat.packed(line);
          if (row.length() > maxTokens) {
            throw new IllegalArgumentException(
                "the row has %d tokens, the sequence length is %d"
                    .formatted(row.length(), maxTokens));
          }
          row.checkVocabulary(vocabularySize);
          return row;
        },
        badLines);
  }

  @Override
  protected T computeNext() {
    try {
      while (true) {
        if (lines == null) {
          if (nextFile == files.size()) {
            return endOfData();
          }
          lines = new LineReader(files.get(nextFile++), LineReader.MAX_LINE_BYTES);
        }
        if (!lines.next()) {
          lines.close();
          lines = null;
          continue;
        }
        BadLineException bad;
        try {
          return parser.parse(lines.text());
        } catch (JsonProcessingException e) {
          bad = badLine("not valid JSON: " + what(e) + column(e), e);
        } catch (EncoderException e) {
          throw e;
        } catch (IllegalArgumentException e) {
          bad = badLine(oneLine(e.getMessage()), e);
        }
        badLines.accept(bad);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(files.get(nextFile - 1) + ": " + e.getMessage(), e);
    }
  }

  private BadLineException badLine(String reason, Exception cause) {
    return new BadLineException(files.get(nextFile - 1), lines.lineNumber(), reason, cause);
  }

  /** Returns Jackson's words without its name for where an object or array starts. */
  private static String what(JsonProcessingException e) {
    return oneLine(e.getOriginalMessage().replaceFirst("(?s)\\s*\\([^()]*\\[Source:.*", ""));
  }

  private static String column(JsonProcessingException e) {
    return e.getLocation() == null ? "" : " (column " + e.getLocation().getColumnNr() + ")";
  }

  private static String oneLine(String text) {
    return text.replaceAll("\\s*\\R\\s*", " ");
  }

  @Override
  public void close() {
    if (lines == null) {
      return;
    }
    try {
      lines.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
