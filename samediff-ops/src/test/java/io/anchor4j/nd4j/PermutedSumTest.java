package io.anchor4j.nd4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.AddOp;
import org.nd4j.linalg.factory.Nd4j;

class PermutedSumTest {

  @ParameterizedTest(name = "[{0}, {1}, {2}]")
  @CsvSource({"2, 3, 5", "1, 3, 5", "2, 1, 5", "2, 3, 1", "1, 1, 1"})
  void aPermutedSumIsTheSumInPlace(int batch, int tokens, int channels) {
    INDArray memory = Nd4j.rand(DataType.FLOAT, batch, tokens, channels);
    INDArray a = memory.permute(0, 2, 1);
    INDArray b = Nd4j.rand(DataType.FLOAT, batch, tokens, channels).permute(0, 2, 1);
    INDArray expected = a.dup('c').add(b.dup('c'));
    long[] strides = a.stride();
    assertSame(a, a.addi(b));
    assertEquals(expected, a);
    assertArrayEquals(strides, a.stride());
    assertEquals(expected, memory.permute(0, 2, 1));
  }

  @Test
  void onlyDenseArraysOfOneLayoutAreTakenInMemoryOrder() {
    INDArray permuted = Nd4j.zeros(DataType.FLOAT, 2, 3, 5).permute(0, 2, 1);
    INDArray plain = Nd4j.zeros(DataType.FLOAT, 2, 5, 3);
    INDArray gaps = Nd4j.zeros(DataType.FLOAT, 2, 3, 10).tensorAlongDimension(0, 1, 2);
    INDArray part = Nd4j.zeros(DataType.FLOAT, 10, 4).permute(1, 0).getRow(1).reshape(1, 10);
    assertNotNull(sum(permuted, permuted, permuted));
    assertNull(sum(permuted, plain, permuted));
    assertNull(sum(permuted, permuted, plain));
    assertNull(sum(plain, plain, plain));
    assertNull(sum(part, part, part));
    assertNull(sum(permuted, permuted.castTo(DataType.DOUBLE), permuted));
    assertNull(sum(gaps, gaps, gaps));
    assertEquals(Nd4j.ones(DataType.FLOAT, 2, 5, 3), plain.addi(permuted.add(1)));
  }

  private static Object sum(INDArray a, INDArray b, INDArray out) {
    return PermutedSum.inMemoryOrder(new AddOp(new INDArray[] {a, b}, new INDArray[] {out}));
  }
}
