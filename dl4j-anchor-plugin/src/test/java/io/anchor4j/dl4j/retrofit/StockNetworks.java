package io.anchor4j.dl4j.retrofit;

import java.util.Random;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.graph.AttentionVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Networks as DL4J's users make them, with DL4J's attention, and rows for them. */
final class StockNetworks {
  static final int INPUTS = 5;
  static final int CLASSES = 3;
  private static final int TOKENS = 7;

  private StockNetworks() {}

  /** Settings for all layers: l2 everywhere, and clipping that bites. */
  static NeuralNetConfiguration.Builder settings(DataType type, IUpdater updater) {
    return new NeuralNetConfiguration.Builder()
        .seed(12)
        .dataType(type)
        .updater(updater)
        .l2(1e-3)
        .gradientNormalization(GradientNormalization.ClipElementWiseAbsoluteValue)
        .gradientNormalizationThreshold(0.02);
  }

  /** LSTM "lstm", attention "lower", LSTM "between", attention "upper", output "out". */
  static MultiLayerConfiguration layers(NeuralNetConfiguration.Builder settings) {
    return settings
        .list()
        .layer(new LSTM.Builder().name("lstm").nOut(6).activation(Activation.TANH).build())
        .layer(attention(6, 2, 3).name("lower").build())
        .layer(new LSTM.Builder().name("between").nOut(6).activation(Activation.TANH).build())
        .layer(attention(4, 2, 3).name("upper").build())
        .layer(output().name("out").build())
        .setInputType(InputType.recurrent(INPUTS))
        .build();
  }

  /** Those layers, the last of 4 channels, and an output. */
  static MultiLayerConfiguration of(Layer... layers) {
    var list = new NeuralNetConfiguration.Builder().updater(new Sgd(0.1)).list();
    for (Layer layer : layers) {
      list.layer(layer);
    }
    return list.layer(output().nIn(4).updater(new NoOp()).build()).build();
  }

  static MultiLayerNetwork network(DataType type, IUpdater updater) {
    var network = new MultiLayerNetwork(layers(settings(type, updater)));
    network.init();
    return network;
  }

  /** LSTM "lstm", attention layer "layer", attention vertex "vertex", output "out". */
  static ComputationGraphConfiguration vertices(NeuralNetConfiguration.Builder settings) {
    return settings
        .graphBuilder()
        .addInputs("in")
        .setInputTypes(InputType.recurrent(INPUTS))
        .addLayer("lstm", new LSTM.Builder().nOut(6).activation(Activation.TANH).build(), "in")
        .addLayer("layer", attention(6, 2, 3).build(), "lstm")
        .addVertex("vertex", vertex(6, 4), "layer", "layer", "layer")
        .addLayer("out", output().nIn(4).build(), "vertex")
        .setOutputs("out")
        .build();
  }

  static ComputationGraph graph(DataType type, IUpdater updater) {
    // The one kind of clipping that DL4J does not pass a vertex over in.
    var clipped =
        settings(type, updater)
            .gradientNormalization(GradientNormalization.ClipL2PerParamType)
            .gradientNormalizationThreshold(0.05);
    var graph = new ComputationGraph(vertices(clipped));
    graph.init();
    return graph;
  }

  static SelfAttentionLayer.Builder attention(int nOut, int heads, int headSize) {
    return new SelfAttentionLayer.Builder()
        .nIn(6)
        .nOut(nOut)
        .nHeads(heads)
        .headSize(headSize)
        .projectInput(true);
  }

  static AttentionVertex vertex(int nIn, int nOut) {
    return new AttentionVertex.Builder()
        .nInQueries(nIn)
        .nInKeys(nIn)
        .nInValues(nIn)
        .nOut(nOut)
        .nHeads(2)
        .headSize(3)
        .projectInput(true)
        .build();
  }

  static RnnOutputLayer.Builder output() {
    return new RnnOutputLayer.Builder(LossFunction.MCXENT)
        .activation(Activation.SOFTMAX)
        .dataFormat(RNNFormat.NCW)
        .nOut(CLASSES);
  }

  /** Three rows, the last two shorter than the first if {@code masked}. */
  static DataSet rows(DataType type, int seed, boolean masked) {
    var random = new Random(seed);
    INDArray features = Nd4j.create(type, 3, INPUTS, TOKENS);
    INDArray labels = Nd4j.zeros(type, 3, CLASSES, TOKENS);
    INDArray mask = Nd4j.ones(type, 3, TOKENS);
    for (int row = 0; row < 3; row++) {
      for (int t = 0; t < TOKENS; t++) {
        for (int c = 0; c < INPUTS; c++) {
          features.putScalar(row, c, t, random.nextGaussian());
        }
        labels.putScalar(row, random.nextInt(CLASSES), t, 1);
        mask.putScalar(row, t, t < TOKENS - 2 * row ? 1 : 0);
      }
    }
    return masked ? new DataSet(features, labels, mask, mask.dup()) : new DataSet(features, labels);
  }

  /** The network's output where the mask lets a token through, 0 elsewhere. */
  static INDArray output(MultiLayerNetwork network, DataSet rows) {
    INDArray out = network.output(rows.getFeatures(), false, rows.getFeaturesMaskArray(), null);
    return visible(out, rows);
  }

  /** The graph's output where the mask lets a token through, 0 elsewhere. */
  static INDArray output(ComputationGraph graph, DataSet rows) {
    INDArray mask = rows.getFeaturesMaskArray();
    INDArray[] masks = mask == null ? null : new INDArray[] {mask};
    INDArray out = graph.output(false, new INDArray[] {rows.getFeatures()}, masks, null)[0];
    return visible(out, rows);
  }

  private static INDArray visible(INDArray out, DataSet rows) {
    INDArray mask = rows.getFeaturesMaskArray();
    return mask == null ? out : out.mul(mask.reshape(mask.size(0), 1, mask.size(1)));
  }

  static double largestDifference(INDArray a, INDArray b) {
    return a.sub(b).amaxNumber().doubleValue();
  }
}
