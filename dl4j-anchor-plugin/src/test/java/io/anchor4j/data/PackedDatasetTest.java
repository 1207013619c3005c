package io.anchor4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.collect.Iterators;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PackedDatasetTest {
  @TempDir Path folder;

  private long filesIn() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.count();
    }
  }

  @Test
  void spilledRowsAreTheRowsInAnyOrder() throws IOException {
    List<PackedRow> rows = PackedWriterTest.randomRows(1, 100);
    try (PackedDataset spilled = PackedDataset.spill(rows.iterator(), folder);
        PackedDataset listed = PackedDataset.of(rows)) {
      assertEquals(100, spilled.size());
      assertEquals(100, listed.size());
      for (int index : new Random(2).ints(300, 0, 100).toArray()) {
        assertEquals(rows.get(index), spilled.row(index));
        assertEquals(rows.get(index), listed.row(index));
      }
      assertThrows(IndexOutOfBoundsException.class, () -> spilled.row(100));
      assertThrows(IndexOutOfBoundsException.class, () -> spilled.row(-1));
    }
    assertEquals(0, filesIn());
  }

  /** A FileChannel would close here, and every later row would fail. */
  @Test
  void rowsCanStillBeTakenAfterAReaderWasInterrupted() throws Exception {
    List<PackedRow> rows = PackedWriterTest.randomRows(3, 10);
    try (PackedDataset spilled = PackedDataset.spill(rows.iterator(), folder)) {
      Thread reader =
          new Thread(
              () -> {
                Thread.currentThread().interrupt();
                spilled.row(0);
              });
      reader.start();
      reader.join();
      assertEquals(rows.get(5), spilled.row(5));
    }
  }

  @Test
  void whenTheRowsFailNoFileIsLeft() throws IOException {
    var failing =
        Iterators.transform(
            PackedWriterTest.randomRows(4, 10).iterator(),
            row -> {
              if (row.length() > 15) {
                throw new IllegalArgumentException("bad line");
              }
              return row;
            });
    assertThrows(
        IllegalArgumentException.class, () -> PackedDataset.spill(failing, folder).close());
    assertEquals(0, filesIn());
  }

  @Test
  void dataWithoutARowIsRefused() {
    assertEquals(
        "the data holds no row",
        assertThrows(IllegalArgumentException.class, () -> PackedDataset.of(List.of()).close())
            .getMessage());
    assertEquals(
        "the data holds no row",
        assertThrows(
                IllegalArgumentException.class,
                () -> PackedDataset.spill(List.<PackedRow>of().iterator(), folder).close())
            .getMessage());
  }
}
