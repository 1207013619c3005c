package io.anchor4j.samples;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.DocumentBorders;
import io.anchor4j.data.DocumentInputIterator;
import io.anchor4j.data.DocumentMaskIterator;
import io.anchor4j.data.Positions;
import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import io.anchor4j.dl4j.layer.BinaryMaskLayer;
import io.anchor4j.dl4j.layer.TokenEmbeddingLayer;
import io.anchor4j.dl4j.layer.TokenLinearLayer;
import io.anchor4j.dl4j.vertex.AnchorAttentionVertex;
import java.util.List;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.datasets.iterator.utilty.SingletonMultiDataSetIterator;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/**
 * Documents in networks of one's own, DL4J's layers among them: tagging the tokens of packed rows
 * whose documents end with token 9.
 */
public final class DocumentsExample {
  private static final int END = 9;
  private static final int TAGS = 2;

  private DocumentsExample() {}

  /** Trains both kinds of network for thirty epochs and prints their losses. */
  public static void main(String[] args) {
    INDArray tokens = Nd4j.createFromArray(new int[][] {{3, 5, END, 4, 4, 6, END, 7}});
    INDArray tags = Nd4j.zeros(1, TAGS, 8);
    for (int t = 0; t < 8; t++) {
      tags.putScalar(0, tokens.getInt(0, t) % TAGS, t, 1);
    }

    MultiLayerNetwork network = network();
    var rows = new ListDataSetIterator<>(List.of(new DataSet(tokens, tags)), 1);
    var withMask = new DocumentMaskIterator(rows, DocumentBorders.separator(END));
    network.fit(withMask, 30);
    System.out.printf("MultiLayerNetwork: loss %.3f%n", network.score());

    ComputationGraph graph = graph();
    var batches =
        new SingletonMultiDataSetIterator(
            new MultiDataSet(new INDArray[] {tokens}, new INDArray[] {tags}));
    var withInputs =
        new DocumentInputIterator(
            batches, DocumentBorders.separator(END), 0, Positions.PER_DOCUMENT);
    graph.fit(withInputs, 30);
    System.out.printf("ComputationGraph: loss %.3f%n", graph.score());
  }

  /** Documents come as the features mask; DL4J's own layers get one of 0 and 1. */
  private static MultiLayerNetwork network() {
    var network =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .updater(new Adam(0.01))
                .list()
                .layer(new TokenEmbeddingLayer.Builder().nIn(10).nOut(16).build())
                .layer(
                    new AnchorAttentionLayer.Builder()
                        .nIn(16)
                        .nOut(16)
                        .nHeads(2)
                        .mask(AttentionMask.INTRA_DOCUMENT)
                        .build())
                .layer(new BinaryMaskLayer.Builder().build())
                .layer(new LSTM.Builder().nIn(16).nOut(16).build())
                .layer(
                    new RnnOutputLayer.Builder()
                        .nIn(16)
                        .nOut(TAGS)
                        .activation(Activation.SOFTMAX)
                        .dataFormat(RNNFormat.NCW)
                        .build())
                .build());
    network.init();
    return network;
  }

  /** Documents and positions come as inputs, which no layer but attention sees. */
  private static ComputationGraph graph() {
    var attention =
        new AnchorAttentionVertex(
            2, 2, AttentionConfig.DEFAULT.withMask(AttentionMask.INTRA_DOCUMENT));
    var graph =
        new ComputationGraph(
            new NeuralNetConfiguration.Builder()
                .updater(new Adam(0.01))
                .graphBuilder()
                .addInputs("tokens", "documents", "positions")
                .addLayer(
                    "embedding",
                    new TokenEmbeddingLayer.Builder().nIn(10).nOut(16).build(),
                    "tokens")
                .addLayer("query", projection(), "embedding")
                .addLayer("key", projection(), "embedding")
                .addLayer("value", projection(), "embedding")
                .addVertex(
                    "attention", attention, "query", "key", "value", "documents", "positions")
                .addLayer(
                    "tags",
                    new RnnOutputLayer.Builder()
                        .nIn(16)
                        .nOut(TAGS)
                        .activation(Activation.SOFTMAX)
                        .dataFormat(RNNFormat.NCW)
                        .build(),
                    "attention")
                .setOutputs("tags")
                .build());
    graph.init();
    return graph;
  }

  private static TokenLinearLayer projection() {
    return new TokenLinearLayer.Builder().nIn(16).nOut(16).build();
  }
}
