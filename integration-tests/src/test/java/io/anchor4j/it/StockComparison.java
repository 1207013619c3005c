package io.anchor4j.it;

import io.anchor4j.attention.Precision;
import io.anchor4j.dl4j.retrofit.AttentionRetrofit;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.memory.enums.LearningPolicy;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * Times a training step of a network with DL4J's SelfAttentionLayer before and after {@link
 * AttentionRetrofit}, whole and of the attention layer alone (activate and backpropGradient): the
 * same parameters and maths (8 heads, D 64, no causality, no documents), one row of T tokens. The
 * arrays are float32; ours also computes with bfloat16 operands.
 */
final class StockComparison {
  private static final int CHANNELS = 512;
  private static final int HEADS = 8;
  private static final WorkspaceConfiguration MEMORY =
      WorkspaceConfiguration.builder().policyLearning(LearningPolicy.FIRST_LOOP).build();

  private StockComparison() {}

  /** Seconds of one training step, and of the attention layer in it. */
  record Seconds(double step, double layer) {
    Seconds min(Seconds other) {
      return new Seconds(Math.min(step, other.step), Math.min(layer, other.layer));
    }

    @Override
    public String toString() {
      return "step %.3f s, layer %.3f s".formatted(step, layer);
    }
  }

  /** One training step of each. */
  record Times(int tokens, int threads, Seconds stock, Seconds float32, Seconds bfloat16) {
    @Override
    public String toString() {
      return "training step, 8 heads, D 64, T=%d, %d threads: stock %s; ours, float32: %s (%s); ours, bfloat16: %s (%s)"
          .formatted(tokens, threads, stock, float32, ratio(float32), bfloat16, ratio(bfloat16));
    }

    private String ratio(Seconds ours) {
      return "%.1fx, %.1fx".formatted(stock.step() / ours.step(), stock.layer() / ours.layer());
    }
  }

  /** Prints the times for rows of as many tokens as the first argument says. */
  public static void main(String[] args) {
    System.out.println(measure(Integer.parseInt(args[0])));
  }

  static Times measure(int tokens) {
    MultiLayerNetwork stock = stock();
    seconds(stock, 64);
    return new Times(
        tokens,
        Nd4j.getEnvironment().maxThreads(),
        seconds(stock, tokens),
        ours(stock, Precision.FLOAT32, tokens),
        ours(stock, Precision.BFLOAT16, tokens));
  }

  private static Seconds ours(MultiLayerNetwork stock, Precision precision, int tokens) {
    var retrofit = new AttentionRetrofit.Builder().attention(a -> a.withPrecision(precision));
    MultiLayerNetwork network = retrofit.build().apply(stock).result();
    seconds(network, tokens); // the first step of a length also sizes the scratch memory
    return seconds(network, tokens).min(seconds(network, tokens));
  }

  private static MultiLayerNetwork stock() {
    var configuration =
        new NeuralNetConfiguration.Builder()
            .seed(7)
            .updater(new Sgd(1e-3))
            .list()
            .layer(
                new SelfAttentionLayer.Builder()
                    .nIn(CHANNELS)
                    .nOut(CHANNELS)
                    .nHeads(HEADS)
                    .projectInput(true)
                    .build())
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

  private static Seconds seconds(MultiLayerNetwork network, int tokens) {
    INDArray features = Nd4j.randn(DataType.FLOAT, 1, CHANNELS, tokens);
    INDArray labels = Nd4j.zeros(DataType.FLOAT, 1, 2, tokens);
    for (int t = 0; t < tokens; t++) {
      labels.putScalar(0, t % 2, t, 1);
    }
    INDArray epsilon = Nd4j.randn(DataType.FLOAT, 1, CHANNELS, tokens);
    return new Seconds(
        seconds(() -> network.fit(features, labels)),
        seconds(() -> forwardAndBackward(network.getLayer(0), features, epsilon)));
  }

  private static void forwardAndBackward(
      org.deeplearning4j.nn.api.Layer layer, INDArray features, INDArray epsilon) {
    // In a workspace, as in a network: without one, allocation is a tenth of the time.
    try (var memory = Nd4j.getWorkspaceManager().getAndActivateWorkspace(MEMORY, "COMPARISON")) {
      var workspaces = LayerWorkspaceMgr.builder().defaultWorkspace(memory.getId(), MEMORY).build();
      layer.setInput(features, workspaces);
      layer.activate(true, workspaces);
      layer.backpropGradient(epsilon, workspaces);
    }
  }

  private static double seconds(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / 1e9;
  }
}
