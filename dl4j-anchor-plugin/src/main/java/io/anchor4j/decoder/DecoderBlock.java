package io.anchor4j.decoder;

import io.anchor4j.attention.Precision;
import io.anchor4j.dl4j.layer.GatedMlpLayer;
import io.anchor4j.dl4j.layer.RmsNormLayer;
import io.anchor4j.dl4j.layer.TokenLinearLayer;
import io.anchor4j.dl4j.vertex.AnchorAttentionVertex;
import io.anchor4j.dl4j.vertex.ResidualVertex;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;

/**
 * One transformer block: {@code h = x + attention(norm(x))}, then {@code h + mlp(norm(h))}.
 *
 * <p>Its layers and vertices, after a prefix: {@code -attention-norm}, {@code -query}, {@code
 * -key}, {@code -value}, {@code -query-norm} and {@code -key-norm} where the blocks have them,
 * {@code -attention}, {@code -projection}, {@code -attention-residual}, {@code -mlp-norm}, {@code
 * -mlp}, {@code -mlp-residual}.
 */
public final class DecoderBlock {
  private DecoderBlock() {}

  /**
   * Adds a block to a graph and returns the name of its output, [B, C, T] like its input.
   *
   * @param graph takes the layers; its global options (updater, weight initialisation) hold for
   *     them
   * @param prefix what the names begin with, for example {@code "layer-0"}
   * @param config sizes and attention
   * @param index of the block, from 0: blocks may differ
   * @param input name of the input, [B, C, T]
   * @param documents name of the document ids, INT [B, T]
   * @param positions name of the positions, INT [B, T]
   */
  public static String add(
      GraphBuilder graph,
      String prefix,
      DecoderConfig config,
      int index,
      String input,
      String documents,
      String positions) {
    int channels = config.hiddenSize();
    int queries = config.heads() * config.headDim();
    int keys = config.kvHeads() * config.headDim();
    Precision precision = config.attention().precision();
    boolean bias = config.blocks().queryKeyValueBias();

    String norm = prefix + "-attention-norm";
    String query = prefix + "-query";
    String key = prefix + "-key";
    String value = prefix + "-value";
    String attention = prefix + "-attention";
    String projection = prefix + "-projection";
    String attentionResidual = prefix + "-attention-residual";
    graph
        .addLayer(norm, norm(config), input)
        .addLayer(query, linear(channels, queries, bias, precision), norm)
        .addLayer(key, linear(channels, keys, bias, precision), norm)
        .addLayer(value, linear(channels, keys, bias, precision), norm);
    if (config.blocks().queryKeyNorm()) {
      graph
          .addLayer(query + "-norm", headNorm(config, queries), query)
          .addLayer(key + "-norm", headNorm(config, keys), key);
      query += "-norm";
      key += "-norm";
    }
    graph
        .addVertex(
            attention,
            new AnchorAttentionVertex(config.heads(), config.kvHeads(), config.attention(index)),
            query,
            key,
            value,
            documents,
            positions)
        .addLayer(
            projection,
            linear(queries, channels, config.blocks().projectionBias(), precision),
            attention)
        .addVertex(attentionResidual, new ResidualVertex(), input, projection);

    String mlpNorm = prefix + "-mlp-norm";
    String mlp = prefix + "-mlp";
    String mlpResidual = prefix + "-mlp-residual";
    graph
        .addLayer(mlpNorm, norm(config), attentionResidual)
        .addLayer(
            mlp,
            new GatedMlpLayer.Builder()
                .nIn(channels)
                .nOut(channels)
                .intermediateSize(config.intermediateSize())
                .hasBias(config.blocks().mlpBias())
                .precision(precision)
                .build(),
            mlpNorm)
        .addVertex(mlpResidual, new ResidualVertex(), attentionResidual, mlp);
    return mlpResidual;
  }

  static RmsNormLayer norm(DecoderConfig config) {
    return new RmsNormLayer.Builder()
        .nIn(config.hiddenSize())
        .epsilon(config.rmsNormEpsilon())
        .build();
  }

  private static RmsNormLayer headNorm(DecoderConfig config, int channels) {
    return new RmsNormLayer.Builder()
        .nIn(channels)
        .groupSize(config.headDim())
        .epsilon(config.rmsNormEpsilon())
        .build();
  }

  private static TokenLinearLayer linear(int nIn, int nOut, boolean bias, Precision precision) {
    return new TokenLinearLayer.Builder()
        .nIn(nIn)
        .nOut(nOut)
        .hasBias(bias)
        .precision(precision)
        .build();
  }
}
