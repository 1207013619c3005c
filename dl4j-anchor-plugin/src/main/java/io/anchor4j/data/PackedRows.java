package io.anchor4j.data;

import com.google.common.collect.Iterators;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * The packed rows of data files, read and packed as they are asked for.
 *
 * <p>Files may be larger than memory. Close it to close the file that is being read.
 */
public final class PackedRows implements Iterator<PackedRow>, AutoCloseable {
  private final Iterator<PackedRow> rows;
  private final JsonlReader<?> reader;
  private final Packer packer; // null: the files are packed

  private PackedRows(Iterator<PackedRow> rows, JsonlReader<?> reader, Packer packer) {
    this.rows = rows;
    this.reader = reader;
    this.packer = packer;
  }

  /**
   * Returns the rows of raw files, whose texts {@code encoder} turns into tokens.
   *
   * @param vocabularySize number of tokens in the model's vocabulary, which ids must be below
   * @throws IllegalArgumentException if there is no file, or one cannot be read
   */
  public static PackedRows raw(
      List<Path> files,
      TextEncoder encoder,
      int vocabularySize,
      PackingConfig config,
      BadLines badLines) {
    return packed(JsonlReader.raw(files, encoder, vocabularySize, badLines), config);
  }

  /**
   * Returns the rows of tokenized files.
   *
   * @param vocabularySize number of tokens in the model's vocabulary, which ids must be below
   * @throws IllegalArgumentException if there is no file, or one cannot be read
   */
  public static PackedRows tokenized(
      List<Path> files, int vocabularySize, PackingConfig config, BadLines badLines) {
    return packed(JsonlReader.tokenized(files, vocabularySize, badLines), config);
  }

  private static PackedRows packed(JsonlReader<List<int[]>> reader, PackingConfig config) {
    Packer packer = new Packer(config);
    var documents = Iterators.concat(Iterators.transform(reader, List::iterator));
    return new PackedRows(packer.pack(documents), reader, packer);
  }

  /**
   * Returns the rows of packed files, as they stand there.
   *
   * @param vocabularySize number of tokens in the model's vocabulary, which ids must be below
   * @param maxTokens largest number of tokens that a row may have
   * @throws IllegalArgumentException if there is no file, or one cannot be read
   */
  public static PackedRows packed(
      List<Path> files, int vocabularySize, int maxTokens, BadLines badLines) {
    var reader = JsonlReader.packed(files, vocabularySize, maxTokens, badLines);
    return new PackedRows(reader, reader, null);
  }

  /** {@inheritDoc} A bad line is thrown here if {@link BadLines} says so. */
  @Override
  public boolean hasNext() {
    return rows.hasNext();
  }

  /**
   * {@inheritDoc}
   *
   * @throws NoSuchElementException if there is no further row
   */
  @Override
  public PackedRow next() {
    return rows.next();
  }

  /** Returns what packing came to, once all rows have been taken; empty for packed files. */
  public Optional<PackingReport> report() {
    return Optional.ofNullable(packer).map(Packer::report);
  }

  @Override
  public void close() {
    reader.close();
  }
}
