package io.anchor4j.dl4j.retrofit;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.data.Positions;
import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.graph.AttentionVertex;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * Makes an {@link AnchorAttentionLayer} out of a layer or vertex of DL4J's.
 *
 * @param attention what it computes
 * @param anchorTokens see {@link AnchorAttentionLayer#getAnchorTokens}
 * @param positions see {@link AnchorAttentionLayer#getPositions}
 */
record AnchorTemplate(AttentionConfig attention, int anchorTokens, Positions positions) {
  /** What DL4J's attention computes: every token sees every other, scaled by 1/sqrt(D). */
  static final AttentionConfig SAME_AS_DL4J =
      AttentionConfig.DEFAULT.withCausal(false).withMask(AttentionMask.FULL);

  /**
   * Returns a layer with the name, sizes and settings of {@code stock}.
   *
   * @throws IllegalArgumentException if no layer of ours has such sizes
   */
  AnchorAttentionLayer of(SelfAttentionLayer stock) {
    AnchorAttentionLayer layer =
        sized(
                stock.isProjectInput(),
                stock.getNIn(),
                stock.getNOut(),
                stock.getNHeads(),
                stock.getHeadSize(),
                stock.getWeightInit())
            .name(stock.getLayerName())
            .build();
    if (stock.getIDropout() != null) {
      layer.setIDropout(stock.getIDropout().clone());
    }
    if (stock.getConstraints() != null) {
      layer.setConstraints(stock.getConstraints().stream().map(LayerConstraint::clone).toList());
    }
    train(
        layer,
        stock.getUpdater(),
        stock.getBiasUpdater(),
        stock.getRegularization(),
        stock.getRegularizationBias());
    normalize(layer, stock.getGradientNormalization(), stock.getGradientNormalizationThreshold());
    return layer;
  }

  /**
   * Returns a layer with the sizes and settings of {@code stock}, whose three inputs are one.
   *
   * @param name of the vertex
   * @throws IllegalArgumentException if no layer of ours has such sizes
   */
  AnchorAttentionLayer of(String name, AttentionVertex stock) {
    AnchorAttentionLayer layer =
        sized(
                stock.isProjectInput(),
                stock.getNInQueries(),
                stock.getNOut(),
                stock.getNHeads(),
                stock.getHeadSize(),
                stock.getWeightInit())
            .name(name)
            .build();
    train(
        layer,
        stock.getUpdater(),
        stock.getBiasUpdater(),
        stock.getRegularization(),
        stock.getRegularizationBias());
    normalize(layer, stock.getGradientNormalization(), stock.getGradientNormalizationThreshold());
    return layer;
  }

  private AnchorAttentionLayer.Builder sized(
      boolean projectInput, long nIn, long nOut, int heads, long headSize, WeightInit weightInit) {
    var builder =
        new AnchorAttentionLayer.Builder()
            .nIn(nIn)
            .nOut(projectInput ? nOut : nIn)
            .nHeads(heads)
            .projectInput(projectInput)
            .attention(attention)
            .anchorTokens(anchorTokens)
            .positions(positions)
            // The defaults of NeuralNetConfiguration.Builder, which this layer does not pass
            // through.
            .biasInit(0)
            .gainInit(1);
    if (projectInput) {
      builder.headSize(Math.toIntExact(headSize));
    }
    // DL4J's attention cannot start from a distribution either: it has nowhere to keep one.
    return weightInit == null || weightInit == WeightInit.DISTRIBUTION
        ? builder.weightInit(WeightInit.XAVIER)
        : builder.weightInit(weightInit);
  }

  private static void train(
      AnchorAttentionLayer layer,
      IUpdater updater,
      IUpdater biasUpdater,
      List<Regularization> weights,
      List<Regularization> biases) {
    // Clones, because setLearningRate changes an updater in place.
    layer.setIUpdater(updater == null ? null : updater.clone());
    layer.setBiasUpdater(biasUpdater == null ? null : biasUpdater.clone());
    layer.setRegularization(clones(weights));
    layer.setRegularizationBias(clones(biases));
  }

  private static List<Regularization> clones(List<Regularization> regularization) {
    var clones = new ArrayList<Regularization>();
    if (regularization != null) {
      regularization.forEach(each -> clones.add(each.clone()));
    }
    return clones;
  }

  private static void normalize(
      AnchorAttentionLayer layer, GradientNormalization normalization, double threshold) {
    layer.setGradientNormalization(
        normalization == null ? GradientNormalization.None : normalization);
    layer.setGradientNormalizationThreshold(Double.isNaN(threshold) ? 1 : threshold);
  }
}
