package io.anchor4j.dl4j.layer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class BinaryMaskLayerTest {
  @Test
  void numbersOfDocumentsBecomeOneInTheNetworksType() {
    var layer = layer(DataType.DOUBLE);
    INDArray mask = Nd4j.createFromArray(new int[][] {{1, 7, 7, 3, 0}, {1, 2, 16_777_217, 0, 0}});
    var passedOn = layer.feedForwardMaskArray(mask, MaskState.Active, 2);
    INDArray expected = Nd4j.createFromArray(new double[][] {{1, 1, 1, 1, 0}, {1, 1, 1, 0, 0}});
    assertEquals(expected, passedOn.getFirst());
    assertEquals(DataType.DOUBLE, passedOn.getFirst().dataType());
    assertEquals(MaskState.Active, passedOn.getSecond());
  }

  @Test
  void noMaskStaysNoMask() {
    assertNull(layer(DataType.FLOAT).feedForwardMaskArray(null, null, 2).getFirst());
  }

  private static BinaryMaskLayerImpl layer(DataType type) {
    NeuralNetConfiguration conf =
        new NeuralNetConfiguration.Builder().layer(new BinaryMaskLayer.Builder().build()).build();
    return (BinaryMaskLayerImpl) conf.getLayer().instantiate(conf, null, 0, null, true, type);
  }
}
