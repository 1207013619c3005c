package io.anchor4j.decoder;

import com.google.common.collect.ImmutableSortedSet;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.rotary.RotaryConfig;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;

/** Decoders and batches small enough to check every gradient numerically. */
final class TinyDecoders {
  static final int VOCABULARY = 5;

  private TinyDecoders() {}

  /** Grouped-query attention, odd sizes where they may be odd. */
  static DecoderConfig config(boolean tied, boolean biases, AttentionMask mask) {
    var attention =
        AttentionConfig.DEFAULT.withMask(mask).withRotary(RotaryConfig.of(100)).withWindow(4);
    return new DecoderConfig(
        VOCABULARY, 3, 3, 1, 2, 1, 2, 1e-5, 16, tied, 0.4, biases(biases), attention);
  }

  /** Everywhere or nowhere. */
  static BlockOptions biases(boolean biases) {
    return BlockOptions.PLAIN
        .withQueryKeyValueBias(biases)
        .withProjectionBias(biases)
        .withMlpBias(biases);
  }

  /** Head norms, biases on query, key and value alone, and two layers that differ. */
  static DecoderConfig configOfUnlikeLayers() {
    DecoderConfig alike = config(/* tied= */ true);
    return new DecoderConfig(
        alike.vocabularySize(),
        alike.hiddenSize(),
        alike.intermediateSize(),
        /* layers= */ 2,
        alike.heads(),
        alike.kvHeads(),
        alike.headDim(),
        alike.rmsNormEpsilon(),
        alike.maxPositions(),
        alike.tiedEmbeddings(),
        alike.initializerRange(),
        BlockOptions.PLAIN
            .withQueryKeyValueBias(true)
            .withQueryKeyNorm(true)
            .withUnrotated(ImmutableSortedSet.of(0))
            .withUnwindowed(ImmutableSortedSet.of(1)),
        alike.attention());
  }

  static DecoderConfig config(boolean tied) {
    return config(tied, false, AttentionMask.ANCHOR);
  }

  static ComputationGraph graph(DecoderConfig config, DataType type, IUpdater updater) {
    return graph(config, type, updater, WorkspaceMode.ENABLED);
  }

  static ComputationGraph graph(
      DecoderConfig config, DataType type, IUpdater updater, WorkspaceMode workspaces) {
    ComputationGraphConfiguration conf = Decoder.configuration(config, 5, type);
    for (var vertex : conf.getVertices().values()) {
      if (vertex instanceof LayerVertex layer) {
        ((BaseLayer) layer.getLayerConf().getLayer()).setIUpdater(updater);
      }
    }
    conf.setTrainingWorkspaceMode(workspaces);
    conf.setInferenceWorkspaceMode(workspaces);
    var graph = new ComputationGraph(conf);
    graph.init();
    return graph;
  }

  static INDArray tokens() {
    return Nd4j.createFromArray(new int[][] {{1, 2, 3, 3, 4, 2, 0}, {1, 4, 4, 4, 2, 0, 0}});
  }

  /** An anchor, two documents that interleave, a row with padding. */
  static INDArray documents() {
    return Nd4j.createFromArray(new int[][] {{0, 1, 1, 2, 2, 1, 2}, {0, 0, 9, 9, 9, -1, -1}});
  }

  static INDArray positions() {
    return Nd4j.createFromArray(new int[][] {{0, 1, 2, 1, 2, 3, 3}, {0, 1, 2, 3, 4, 0, 0}});
  }

  static INDArray targets() {
    return Nd4j.createFromArray(
        new int[][] {{2, 3, -100, 4, 0, -100, 1}, {4, 4, 4, 2, -100, -100, -100}});
  }

  static INDArray[] inputs() {
    return new INDArray[] {tokens(), documents(), positions()};
  }

  static MultiDataSet batch() {
    return new MultiDataSet(inputs(), new INDArray[] {targets()});
  }
}
