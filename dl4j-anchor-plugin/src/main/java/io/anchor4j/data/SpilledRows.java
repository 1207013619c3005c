package io.anchor4j.data;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Objects;
import java.util.UUID;

/**
 * Rows in a temporary file, one behind the other, with their offsets in memory.
 *
 * <p>A row is big-endian ints: T, then 1 if positions follow plus 2 if labels do, then T token ids,
 * T document ids and those two.
 *
 * <p>The file is a RandomAccessFile because a FileChannel closes when a thread that reads it is
 * interrupted, and DL4J's AsyncMultiDataSetIterator interrupts its reader on every reset.
 */
final class SpilledRows implements PackedDataset {
  private static final int HEADER_INTS = 2;

  private final Path path;
  private final RandomAccessFile file;
  private long[] offsets = new long[16]; // of each row and, behind the last, of the end
  private int size;

  private SpilledRows(Path path) throws IOException {
    this.path = path;
    this.file = new RandomAccessFile(path.toFile(), "rw");
    try {
      // An open file can go from its folder at once, so that a killed run leaves nothing behind.
      Files.delete(path);
    } catch (IOException e) {
      path.toFile().deleteOnExit(); // Windows holds on to open files.
    }
  }

  static SpilledRows of(Iterator<PackedRow> rows, Path folder) throws IOException {
    SpilledRows dataset = new SpilledRows(folder.resolve(".anchor4j-rows-" + UUID.randomUUID()));
    try {
      while (rows.hasNext()) {
        dataset.add(rows.next());
      }
      return dataset;
    } catch (IOException | RuntimeException e) {
      dataset.close();
      throw e;
    }
  }

  private void add(PackedRow row) throws IOException {
    boolean positions = row.positionIds() != null;
    boolean labels = row.labels() != null;
    int arrays = 2 + (positions ? 1 : 0) + (labels ? 1 : 0);
    int count = Math.addExact(HEADER_INTS, Math.multiplyExact(arrays, row.length()));
    ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(Integer.BYTES, count));
    IntBuffer ints = bytes.asIntBuffer();
    ints.put(row.length()).put((positions ? 1 : 0) + (labels ? 2 : 0));
    ints.put(row.inputIds()).put(row.documentIds());
    if (positions) {
      ints.put(row.positionIds());
    }
    if (labels) {
      ints.put(row.labels());
    }
    file.write(bytes.array());
    size = Math.addExact(size, 1);
    if (size == offsets.length) {
      offsets = Arrays.copyOf(offsets, 2 * size);
    }
    offsets[size] = offsets[size - 1] + bytes.capacity();
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public PackedRow row(int index) {
    Objects.checkIndex(index, size);
    byte[] bytes = new byte[(int) (offsets[index + 1] - offsets[index])];
    try {
      synchronized (file) {
        file.seek(offsets[index]);
        file.readFully(bytes);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    IntBuffer ints = ByteBuffer.wrap(bytes).asIntBuffer();
    int length = ints.get();
    int flags = ints.get();
    return new PackedRow(
        take(ints, length),
        take(ints, length),
        (flags & 1) == 0 ? null : take(ints, length),
        (flags & 2) == 0 ? null : take(ints, length));
  }

  private static int[] take(IntBuffer ints, int length) {
    int[] values = new int[length];
    ints.get(values);
    return values;
  }

  @Override
  public void close() {
    try {
      file.close();
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
