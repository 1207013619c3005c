package io.anchor4j.samples;

import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import io.anchor4j.dl4j.layer.LanguageModelOutputLayer;
import io.anchor4j.dl4j.layer.TokenEmbeddingLayer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** A language model as a MultiLayerNetwork, trained on one packed row of two documents. */
public final class NetworkExample {
  private NetworkExample() {}

  /** Trains for fifty steps and prints the loss now and then. */
  public static void main(String[] args) {
    INDArray tokens = Nd4j.createFromArray(new int[][] {{1, 17, 42, 99, 7, 23}});
    INDArray targets = Nd4j.createFromArray(new int[][] {{-100, 42, -100, 7, 23, -100}});
    INDArray documents = Nd4j.createFromArray(new int[][] {{1, 2, 2, 3, 3, 3}});

    // README begin
    var attention =
        new AnchorAttentionLayer.Builder().nIn(64).nOut(64).nHeads(4).kvHeads(2).ropeTheta(5e5);
    var network =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .updater(new Adam(0.01))
                .list()
                .layer(new TokenEmbeddingLayer.Builder().nIn(1000).nOut(64).build())
                .layer(attention.build())
                .layer(new LanguageModelOutputLayer.Builder().nIn(64).nOut(1000).build())
                .build());
    network.init();
    // INT [B, T] each; documents: 0 padding, 1 an anchor, n + 1 document n
    network.fit(new DataSet(tokens, targets, documents, null));
    // README end

    for (int step = 1; step <= 50; step++) {
      network.fit(new DataSet(tokens, targets, documents, null));
      if (step % 10 == 0) {
        System.out.printf("step %d: loss %.3f%n", step, network.score());
      }
    }
  }
}
