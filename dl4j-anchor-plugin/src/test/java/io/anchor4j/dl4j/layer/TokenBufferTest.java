package io.anchor4j.dl4j.layer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class TokenBufferTest {
  private static final int BATCH = 2;
  private static final int CHANNELS = 3;

  private static INDArray tokens(int count) {
    return Nd4j.rand(DataType.FLOAT, BATCH, count, CHANNELS);
  }

  private static INDArray part(INDArray all, int from, int to) {
    return all.get(NDArrayIndex.all(), NDArrayIndex.interval(from, to), NDArrayIndex.all()).dup();
  }

  @Test
  void whatItOutgrewIsFreedAndTheTokensStay() {
    INDArray all = tokens(300);
    var buffer = new TokenBuffer(BATCH, CHANNELS, DataType.FLOAT);
    buffer.append(part(all, 0, 4));
    INDArray full = buffer.view();
    assertFalse(full.wasClosed());
    buffer.append(part(all, 4, 5));
    assertTrue(full.wasClosed());
    INDArray half = buffer.view();
    for (int t = 5; t < 8; t++) {
      buffer.append(part(all, t, t + 1));
    }
    assertFalse(half.wasClosed(), "there was room for 8");
    for (int t = 8; t < 300; t++) {
      buffer.append(part(all, t, t + 1));
    }
    assertEquals(all, buffer.view().dup());
  }

  @Test
  void whatIsNotKeptIsFreed() {
    INDArray all = tokens(9);
    var buffer = new TokenBuffer(BATCH, CHANNELS, DataType.FLOAT);
    buffer.append(all);
    INDArray before = buffer.view();
    buffer.keep(new int[] {0, 5, 6, 8});
    assertTrue(before.wasClosed());
    assertEquals(
        Nd4j.concat(1, part(all, 0, 1), part(all, 5, 7), part(all, 8, 9)), buffer.view().dup());
  }
}
