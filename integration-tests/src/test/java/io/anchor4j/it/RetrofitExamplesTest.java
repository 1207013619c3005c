package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import io.anchor4j.dl4j.retrofit.AttentionRetrofit;
import io.anchor4j.dl4j.retrofit.Retrofitted;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * Networks as DL4J's examples build them with SelfAttentionLayer: trained as they are, swapped, and
 * trained on.
 */
class RetrofitExamplesTest {
  /** The rows of a picture as a sequence: LSTM, attention, the last step of another LSTM. */
  @Test
  void picturesRowByRow() {
    var network =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(123)
                .weightInit(WeightInit.XAVIER)
                .updater(new Adam(3e-3))
                .list()
                .layer(new LSTM.Builder().nOut(32).activation(Activation.TANH).build())
                .layer(
                    new SelfAttentionLayer.Builder().nOut(32).nHeads(4).projectInput(true).build())
                .layer(
                    new LastTimeStep(
                        new LSTM.Builder().nOut(32).activation(Activation.TANH).build()))
                .layer(new DenseLayer.Builder().nOut(16).activation(Activation.RELU).build())
                .layer(
                    new OutputLayer.Builder(LossFunction.NEGATIVELOGLIKELIHOOD)
                        .nOut(3)
                        .activation(Activation.SOFTMAX)
                        .build())
                .setInputType(InputType.recurrent(12))
                .build());
    swapAndTrainOn(network, pictures());
  }

  /** Words as one-hot vectors: attention, the mean over the text, a class. */
  @Test
  void textClassification() {
    var network =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(123)
                .updater(new Adam(0.01))
                .list()
                .layer(
                    new SelfAttentionLayer.Builder()
                        .nIn(20)
                        .nOut(32)
                        .nHeads(2)
                        .projectInput(true)
                        .build())
                .layer(new GlobalPoolingLayer.Builder().poolingType(PoolingType.AVG).build())
                .layer(
                    new DenseLayer.Builder().nIn(32).nOut(16).activation(Activation.RELU).build())
                .layer(
                    new OutputLayer.Builder(LossFunction.MCXENT)
                        .nIn(16)
                        .nOut(3)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build());
    swapAndTrainOn(network, texts());
  }

  private static void swapAndTrainOn(MultiLayerNetwork network, List<DataSet> data) {
    network.init();
    network.fit(new ListDataSetIterator<>(data, 10), 5);
    Retrofitted<MultiLayerNetwork> swapped = new AttentionRetrofit.Builder().build().apply(network);
    MultiLayerNetwork ours = swapped.result();
    long attention =
        Arrays.stream(ours.getLayers())
            .filter(layer -> layer.conf().getLayer() instanceof AnchorAttentionLayer)
            .count();
    assertEquals(1, attention, swapped.report().toString());
    DataSet all = DataSet.merge(data);
    INDArray before = network.output(all.getFeatures());
    INDArray after = ours.output(all.getFeatures());
    assertEquals(0, before.sub(after).amaxNumber().doubleValue(), 1e-5);
    double score = network.score(all);
    assertEquals(score, ours.score(all), 1e-5);
    ours.fit(new ListDataSetIterator<>(data, 10), 25);
    assertTrue(ours.score(all) < score / 2, () -> score + " to " + ours.score(all));
    assertTrue(ours.evaluate(new ListDataSetIterator<>(data, 10)).accuracy() > 0.8);
  }

  /** Pictures of 12 x 12 with a bright row in one of three places. */
  private static List<DataSet> pictures() {
    var random = new Random(4);
    List<DataSet> data = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      INDArray picture = Nd4j.zeros(DataType.FLOAT, 1, 12, 12);
      for (int pixel = 0; pixel < 144; pixel++) {
        picture.putScalar(pixel, 0.3 * random.nextFloat());
      }
      int place = random.nextInt(3);
      for (int x = 0; x < 12; x++) {
        picture.putScalar(0, x, 4 * place + random.nextInt(3), 1);
      }
      data.add(new DataSet(picture, oneHot(place)));
    }
    return data;
  }

  /** Texts of 8 words of 20 with one word that decides their class. */
  private static List<DataSet> texts() {
    var random = new Random(5);
    List<DataSet> data = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      INDArray words = Nd4j.zeros(DataType.FLOAT, 1, 20, 8);
      int kind = random.nextInt(3);
      int place = random.nextInt(8);
      for (int t = 0; t < 8; t++) {
        words.putScalar(0, t == place ? kind : 3 + random.nextInt(17), t, 1);
      }
      data.add(new DataSet(words, oneHot(kind)));
    }
    return data;
  }

  private static INDArray oneHot(int kind) {
    return Nd4j.zeros(DataType.FLOAT, 1, 3).putScalar(0, kind, 1);
  }
}
