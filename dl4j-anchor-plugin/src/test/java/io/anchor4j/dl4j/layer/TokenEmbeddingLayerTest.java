package io.anchor4j.dl4j.layer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

class TokenEmbeddingLayerTest {
  private static final int VOCABULARY = 50;
  private static final int CHANNELS = 37;

  /** Enough rows that ND4J would give them to several threads. */
  private static final int TOKENS = 3000;

  @Test
  void gradientsOfManyEqualTokensAreSummedInTheirOrder() {
    TokenEmbeddingLayerImpl layer = layer(DataType.FLOAT);
    INDArray gradients = Nd4j.zeros(DataType.FLOAT, (long) VOCABULARY * CHANNELS);
    layer.setBackpropGradientsViewArray(gradients);
    int[][] ids = new int[3][TOKENS];
    var random = new Random(1);
    for (int[] row : ids) {
      for (int t = 0; t < row.length; t++) {
        // A third of all tokens are the same one, where an unordered sum would show.
        row[t] = random.nextInt(3) == 0 ? 7 : random.nextInt(VOCABULARY);
      }
    }
    INDArray epsilon = Nd4j.rand(DataType.FLOAT, 3, CHANNELS, TOKENS).subi(0.5);
    float[] expected = new float[VOCABULARY * CHANNELS];
    for (int b = 0; b < 3; b++) {
      for (int t = 0; t < TOKENS; t++) {
        for (int c = 0; c < CHANNELS; c++) {
          expected[ids[b][t] * CHANNELS + c] += epsilon.getFloat(b, c, t);
        }
      }
    }
    INDArray wanted = Nd4j.createFromArray(expected);
    for (int run = 0; run < 20; run++) {
      gradients.assign(run); // Whatever was there before is overwritten.
      layer.setInput(Nd4j.createFromArray(ids), LayerWorkspaceMgr.noWorkspaces());
      layer.backpropGradient(epsilon, LayerWorkspaceMgr.noWorkspaces());
      assertEquals(wanted, gradients, "run " + run);
    }
  }

  /** 4,000 times 2^-11 is just below 2; summed in HALF it would stop growing at 1. */
  @Test
  void halfGradientsAreSummedInFloat() {
    TokenEmbeddingLayerImpl layer = layer(DataType.FLOAT16);
    INDArray gradients = Nd4j.zeros(DataType.FLOAT16, (long) VOCABULARY * CHANNELS);
    layer.setBackpropGradientsViewArray(gradients);
    layer.setInput(Nd4j.zeros(DataType.INT32, 1, 4000), LayerWorkspaceMgr.noWorkspaces());
    INDArray epsilon =
        Nd4j.valueArrayOf(new long[] {1, CHANNELS, 4000}, 1.0 / 2048, DataType.FLOAT16);
    layer.backpropGradient(epsilon, LayerWorkspaceMgr.noWorkspaces());
    assertEquals(4000.0 / 2048, gradients.getDouble(0), 0.002);
    assertEquals(0, gradients.getDouble(CHANNELS));
  }

  private static TokenEmbeddingLayerImpl layer(DataType type) {
    NeuralNetConfiguration conf =
        new NeuralNetConfiguration.Builder()
            .updater(new NoOp())
            .layer(new TokenEmbeddingLayer.Builder().nIn(VOCABULARY).nOut(CHANNELS).build())
            .build();
    INDArray parameters = Nd4j.zeros(type, 1, (long) VOCABULARY * CHANNELS);
    return (TokenEmbeddingLayerImpl)
        conf.getLayer().instantiate(conf, null, 0, parameters, true, type);
  }
}
