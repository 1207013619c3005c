package io.anchor4j.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;

/**
 * Packed rows that can be taken in any order, as shuffling needs.
 *
 * <p>Reading rows changes nothing: several threads may do it at once.
 */
public interface PackedDataset extends AutoCloseable {
  /** Returns the number of rows. */
  int size();

  /**
   * Returns a row.
   *
   * @throws IndexOutOfBoundsException if {@code index} is negative or not below {@link #size}
   */
  PackedRow row(int index);

  /** Lets go of what holds the rows; no row can be taken afterwards. */
  @Override
  default void close() {}

  /**
   * Returns a dataset of rows in memory.
   *
   * @throws IllegalArgumentException if there is no row
   */
  static PackedDataset of(List<PackedRow> rows) {
    List<PackedRow> kept = List.copyOf(rows);
    requireRows(!kept.isEmpty());
    return new PackedDataset() {
      @Override
      public int size() {
        return kept.size();
      }

      @Override
      public PackedRow row(int index) {
        return kept.get(index);
      }
    };
  }

  /**
   * Takes all rows and returns a dataset that keeps them in a temporary file, so that they may be
   * more than memory holds. The file needs 8 bytes a token, and 4 more for explicit positions or
   * labels; closing the dataset, or the end of the program, deletes it.
   *
   * @param folder where the temporary file goes; it must exist
   * @throws IllegalArgumentException if there is no row
   */
  static PackedDataset spill(Iterator<PackedRow> rows, Path folder) throws IOException {
    requireRows(rows.hasNext());
    return SpilledRows.of(rows, folder);
  }

  /** Refuses a dataset without rows. */
  private static void requireRows(boolean any) {
    if (!any) {
      throw new IllegalArgumentException("the data holds no row");
    }
  }
}
