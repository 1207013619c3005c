package io.anchor4j.dl4j.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionMask;
import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** AnchorAttentionLayer in the place of DL4J's SelfAttentionLayer. */
class StockSelfAttentionTest {
  private static final INDArray X = Nd4j.rand(DataType.DOUBLE, 2, 6, 5).subi(0.5).muli(4);

  @Test
  void sameParametersGiveTheSameOutput() {
    MultiLayerNetwork stock =
        network(
            new SelfAttentionLayer.Builder()
                .nIn(6)
                .nOut(4)
                .nHeads(2)
                .headSize(3)
                .projectInput(true)
                .build());
    MultiLayerNetwork ours = network(plain().nOut(4).nHeads(2).headSize(3).build());
    assertEquals(List.copyOf(stock.paramTable().keySet()), List.copyOf(ours.paramTable().keySet()));
    stock
        .paramTable()
        .forEach(
            (key, array) ->
                assertArrayEquals(array.shape(), ours.paramTable().get(key).shape(), key));
    // The flat vector is taken over as it is, as a swap does.
    ours.setParams(stock.params().dup());
    assertClose(stock.output(X), ours.output(X));
  }

  @Test
  void sameOutputWithoutProjections() {
    MultiLayerNetwork stock =
        network(new SelfAttentionLayer.Builder().nIn(6).nOut(6).nHeads(1).build());
    MultiLayerNetwork ours = network(plain().nOut(6).nHeads(1).projectInput(false).build());
    ours.setParams(stock.params().dup());
    assertClose(stock.output(X), ours.output(X));
  }

  @ParameterizedTest
  @ValueSource(strings = {"INT", "DOUBLE", "FLOAT", "BOOL"})
  void stockMasksHideTheSameKeys(DataType type) {
    MultiLayerNetwork stock =
        network(
            new SelfAttentionLayer.Builder().nIn(6).nOut(6).nHeads(2).projectInput(true).build());
    MultiLayerNetwork ours = network(plain().nOut(6).nHeads(2).build());
    ours.setParams(stock.params().dup());
    INDArray mask = Nd4j.createFromArray(new double[][] {{1, 1, 1, 1, 1}, {1, 1, 1, 0, 0}});
    INDArray expected = stock.output(X, false, mask, null);
    INDArray actual = ours.output(X, false, mask.castTo(type), null);
    for (int t = 0; t < 5; t++) {
      assertClose(column(expected, 0, t), column(actual, 0, t));
      if (t < 3) {
        assertClose(column(expected, 1, t), column(actual, 1, t));
      }
    }
  }

  /** Stock swaps the fans of Wo and of the others. */
  @Test
  void weightsStartWithTheirOwnFans() {
    // Uniform to sqrt(6 / (fan in + fan out)); 64 = nIn, 2 * 3 = heads * headSize, 4 = nOut.
    MultiLayerNetwork ours = network(plain().nIn(64).nOut(4).nHeads(2).headSize(3).build());
    assertBound(ours.getParam("0_Wq"), 64 + 6);
    assertBound(ours.getParam("0_Wk"), 64 + 6);
    assertBound(ours.getParam("0_Wv"), 64 + 6);
    assertBound(ours.getParam("0_Wo"), 6 + 4);
  }

  private static void assertBound(INDArray weight, int fans) {
    double bound = Math.sqrt(6.0 / fans);
    double largest = weight.amaxNumber().doubleValue();
    assertTrue(largest <= bound && largest > 0.7 * bound, largest + " against " + bound);
  }

  private static AnchorAttentionLayer.Builder plain() {
    return new AnchorAttentionLayer.Builder().nIn(6).causal(false).mask(AttentionMask.FULL);
  }

  private static MultiLayerNetwork network(Layer attention) {
    long nIn =
        attention instanceof AnchorAttentionLayer own
            ? own.getNIn()
            : ((SelfAttentionLayer) attention).getNIn();
    var conf =
        new NeuralNetConfiguration.Builder()
            .dataType(DataType.DOUBLE)
            .weightInit(WeightInit.XAVIER_UNIFORM)
            .seed(7)
            .list()
            .layer(attention)
            .layer(
                new RnnOutputLayer.Builder(LossFunction.MSE)
                    .activation(Activation.IDENTITY)
                    .dataFormat(RNNFormat.NCW)
                    .nOut(3)
                    .build())
            .setInputType(InputType.recurrent(nIn))
            .build();
    var net = new MultiLayerNetwork(conf);
    net.init();
    return net;
  }

  private static INDArray column(INDArray sequence, int row, int token) {
    INDArray values = Nd4j.create(DataType.DOUBLE, sequence.size(1));
    for (int c = 0; c < values.length(); c++) {
      values.putScalar(c, sequence.getDouble(row, c, token));
    }
    return values;
  }

  private static void assertClose(INDArray expected, INDArray actual) {
    double difference = expected.sub(actual).amaxNumber().doubleValue();
    assertTrue(difference < 1e-12, () -> "largest difference " + difference);
  }
}
