package io.anchor4j.nd4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class UntouchedArraysTest {
  @ParameterizedTest
  @EnumSource(names = {"FLOAT", "BFLOAT16", "DOUBLE"})
  void anArrayIsAnOrdinaryOne(DataType type) {
    INDArray array = UntouchedArrays.create(type, 3, 5);
    assertEquals(type, array.dataType());
    assertArrayEquals(new long[] {3, 5}, array.shape());
    assertEquals('c', array.ordering());
    INDArray expected = Nd4j.arange(1, 16).reshape(3, 5).castTo(type);
    array.assign(expected);
    assertEquals(expected, array);
    assertEquals(expected.add(1), array.add(1));
    assertEquals(expected.getRow(1), array.getRow(1));
    assertEquals(120.0, array.sumNumber().doubleValue());
  }

  /** As a network keeps its parameters: views of a vector to which nothing else refers. */
  @Test
  void aViewKeepsTheMemory() throws InterruptedException {
    int length = 1 << 20;
    INDArray view =
        UntouchedArrays.create(DataType.FLOAT, 1, length)
            .assign(3)
            .get(NDArrayIndex.all(), NDArrayIndex.interval(length / 2, length));
    for (int i = 0; i < 20; i++) {
      System.gc();
      Thread.sleep(5);
      // Takes the memory if it was given back.
      UntouchedArrays.create(DataType.FLOAT, 1, length).assign(7);
    }
    assertEquals(3.0, view.minNumber().doubleValue());
    assertEquals(3.0, view.maxNumber().doubleValue());
  }

  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "reads which pages are present from /proc")
  void memoryIsTakenAsItIsFilledAndGivenBack() throws Exception {
    // Of a size that malloc takes from the system, whatever other tests have freed.
    INDArray untouched = UntouchedArrays.create(DataType.FLOAT, 1, 100_000_000);
    long address = untouched.data().address();
    long bytes = 4 * untouched.length();
    assertTrue(presentBytes(address, bytes) < bytes / 4, "touched before anybody wrote");
    untouched.assign(1);
    assertTrue(presentBytes(address, bytes) > 3 * bytes / 4, "filled without memory");
    untouched = null;
    for (int wait = 0; wait < 500 && presentBytes(address, bytes) > bytes / 4; wait++) {
      System.gc();
      Thread.sleep(10);
    }
    assertTrue(presentBytes(address, bytes) < bytes / 4, "not given back");
  }

  /** Counts the pages between two addresses that are in memory: bit 63 of their entries. */
  private static long presentBytes(long address, long bytes) throws IOException {
    int page = 4096;
    var entries = new byte[Math.toIntExact(bytes / page) * Long.BYTES];
    try (var pages = new RandomAccessFile("/proc/self/pagemap", "r")) {
      pages.seek(address / page * Long.BYTES);
      pages.readFully(entries);
    }
    return page
        * IntStream.range(0, entries.length / Long.BYTES)
            .filter(i -> entries[i * Long.BYTES + Long.BYTES - 1] < 0)
            .count();
  }
}
