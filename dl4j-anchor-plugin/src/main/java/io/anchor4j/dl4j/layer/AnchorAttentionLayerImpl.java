package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkState;

import io.anchor4j.ops.AnchorAttention;
import io.anchor4j.ops.AnchorAttentionGradient;
import io.anchor4j.ops.MixedLinear;
import io.anchor4j.ops.MixedLinearGradient;
import java.util.Map;
import org.deeplearning4j.nn.api.layers.RecurrentLayer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class AnchorAttentionLayerImpl extends SequenceLayerImpl<AnchorAttentionLayer>
    implements RecurrentLayer, DocumentReader {
  private static final long serialVersionUID = 1L;

  private transient INDArray documents; // null: from the mask
  private transient INDArray positions; // null: counted as configured
  private transient Pass kept;
  private transient KeyValueCache cache;

  AnchorAttentionLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  /**
   * One forward pass up to the attention's result. Projected arrays are [B, T, heads * D].
   *
   * @param documents INT [B, T]
   * @param positions INT [B, T]
   * @param logSumExp [B, H, T]
   */
  private record Pass(
      INDArray query,
      INDArray key,
      INDArray value,
      INDArray documents,
      INDArray positions,
      INDArray attended,
      INDArray logSumExp) {}

  @Override
  INDArray forward(INDArray x, boolean training, LayerWorkspaceMgr workspaces) {
    ArrayType place = training ? ArrayType.ACTIVATIONS : ArrayType.FF_WORKING_MEM;
    Pass pass = attend(x, training, place, workspaces);
    if (training) {
      kept = pass;
    }
    return output(pass.attended(), training, workspaces);
  }

  private INDArray output(INDArray attended, boolean training, LayerWorkspaceMgr workspaces) {
    if (!layerConf().isProjectInput()) {
      // A copy, because the gradient reads the result and a dropout after it works in place.
      return workspaces.dup(ArrayType.ACTIVATIONS, attended, 'c');
    }
    INDArray weight = getParamWithNoise(AnchorAttentionLayer.OUT_WEIGHT_KEY, training, workspaces);
    INDArray out = create(attended, ArrayType.ACTIVATIONS, layerConf().getNOut(), workspaces);
    linear(attended, weight, out);
    return out;
  }

  private Pass attend(INDArray x, boolean training, ArrayType place, LayerWorkspaceMgr workspaces) {
    INDArray query = project(x, AnchorAttentionLayer.QUERY_WEIGHT_KEY, training, place, workspaces);
    INDArray key = project(x, AnchorAttentionLayer.KEY_WEIGHT_KEY, training, place, workspaces);
    INDArray value = project(x, AnchorAttentionLayer.VALUE_WEIGHT_KEY, training, place, workspaces);
    long batch = x.size(0);
    long tokens = x.size(1);
    TokenDocuments ids;
    if (documents != null) {
      ids = TokenDocuments.of(layerId(), documents, maskArray, batch, tokens);
    } else if (maskArray != null) {
      ids = TokenDocuments.ofMask(layerId(), maskArray, batch, tokens);
    } else {
      ids = TokenDocuments.afterAnchors(layerConf().getAnchorTokens(), batch, tokens);
    }
    return attend(query, key, value, ids, place, workspaces);
  }

  @Override
  public void setDocuments(INDArray documents, INDArray positions) {
    this.documents = documents;
    this.positions = positions;
  }

  /** What the last tokens of a row, the queries, make of all its tokens, the keys. */
  private Pass attend(
      INDArray query,
      INDArray key,
      INDArray value,
      TokenDocuments ids,
      ArrayType place,
      LayerWorkspaceMgr workspaces) {
    AnchorAttentionLayer conf = layerConf();
    INDArray attended = create(query, place, query.size(2), workspaces);
    INDArray logSumExp =
        workspaces.createUninitialized(
            place, sumType(), query.size(0), conf.getHeads(), query.size(1));
    var pass =
        new Pass(
            query,
            key,
            value,
            ids.array(),
            positions != null ? positions : ids.positions(conf.getPositions()),
            attended,
            logSumExp);
    Nd4j.exec(
        new AnchorAttention(
            conf.getAttention(),
            TokenMajor.heads(query, conf.getHeads()),
            TokenMajor.heads(key, conf.getKvHeads()),
            TokenMajor.heads(value, conf.getKvHeads()),
            pass.documents(),
            pass.positions(),
            TokenMajor.heads(attended, conf.getHeads()),
            logSumExp));
    return pass;
  }

  @Override
  INDArray backward(INDArray x, INDArray outputGradient, LayerWorkspaceMgr workspaces) {
    if (kept == null) {
      kept = attend(x, true, ArrayType.BP_WORKING_MEM, workspaces);
    }
    AnchorAttentionLayer conf = layerConf();
    INDArray attendedGradient = outputGradient;
    if (conf.isProjectInput()) {
      attendedGradient = like(kept.attended(), workspaces);
      Nd4j.exec(
          new MixedLinearGradient(
              conf.getAttention().precision(),
              kept.attended(),
              getParamWithNoise(AnchorAttentionLayer.OUT_WEIGHT_KEY, true, workspaces),
              outputGradient,
              attendedGradient,
              gradientViews.get(AnchorAttentionLayer.OUT_WEIGHT_KEY),
              null));
    }
    // Without projections the input was all three, and what was kept of it may be gone.
    INDArray query = conf.isProjectInput() ? kept.query() : x;
    INDArray key = conf.isProjectInput() ? kept.key() : x;
    INDArray value = conf.isProjectInput() ? kept.value() : x;
    INDArray dx = create(x, ArrayType.ACTIVATION_GRAD, x.size(2), workspaces);
    INDArray queryGradient = conf.isProjectInput() ? like(query, workspaces) : dx;
    INDArray keyGradient = like(key, workspaces);
    INDArray valueGradient = like(value, workspaces);
    Nd4j.exec(
        new AnchorAttentionGradient(
            conf.getAttention(),
            TokenMajor.heads(query, conf.getHeads()),
            TokenMajor.heads(key, conf.getKvHeads()),
            TokenMajor.heads(value, conf.getKvHeads()),
            kept.documents(),
            kept.positions(),
            TokenMajor.heads(kept.attended(), conf.getHeads()),
            kept.logSumExp(),
            TokenMajor.heads(attendedGradient, conf.getHeads()),
            TokenMajor.heads(queryGradient, conf.getHeads()),
            TokenMajor.heads(keyGradient, conf.getKvHeads()),
            TokenMajor.heads(valueGradient, conf.getKvHeads())));
    if (!conf.isProjectInput()) {
      return dx.addi(keyGradient).addi(valueGradient);
    }
    INDArray part = like(x, workspaces);
    projectGradient(x, AnchorAttentionLayer.QUERY_WEIGHT_KEY, queryGradient, dx, workspaces);
    projectGradient(x, AnchorAttentionLayer.KEY_WEIGHT_KEY, keyGradient, part, workspaces);
    dx.addi(part);
    projectGradient(x, AnchorAttentionLayer.VALUE_WEIGHT_KEY, valueGradient, part, workspaces);
    return dx.addi(part);
  }

  @Override
  void dropKept() {
    kept = null;
  }

  @Override
  public void clear() {
    super.clear();
    setDocuments(null, null);
  }

  /**
   * The output of the next tokens of each row, as the whole row would give it. Keys and values of
   * the tokens before are kept until {@link #rnnClearPreviousState}.
   *
   * @param input [B, nIn, steps]
   * @throws IllegalStateException if the attention is not causal, since a token's output then
   *     depends on later ones, or if there is a features mask or documents
   * @throws IllegalArgumentException if B differs from the steps before
   */
  @Override
  public INDArray rnnTimeStep(INDArray input, LayerWorkspaceMgr workspaces) {
    checkState(
        layerConf().getAttention().causal(),
        "%s: rnnTimeStep needs causal(true): without, outputs depend on tokens still to come",
        layerId());
    checkState(
        maskArray == null && documents == null,
        "%s: rnnTimeStep takes no features mask and no documents",
        layerId());
    ArrayType place = ArrayType.FF_WORKING_MEM;
    INDArray x = tokens(input, place, workspaces);
    INDArray query = project(x, AnchorAttentionLayer.QUERY_WEIGHT_KEY, false, place, workspaces);
    INDArray key = project(x, AnchorAttentionLayer.KEY_WEIGHT_KEY, false, place, workspaces);
    INDArray value = project(x, AnchorAttentionLayer.VALUE_WEIGHT_KEY, false, place, workspaces);
    if (cache == null) {
      cache = new KeyValueCache(key.size(0), key.size(2), dataType);
    }
    cache.append(layerId(), key, value);
    TokenDocuments ids =
        TokenDocuments.afterAnchors(layerConf().getAnchorTokens(), x.size(0), cache.tokens());
    Pass pass = attend(query, cache.keys(), cache.values(), ids, place, workspaces);
    return TokenMajor.activations(output(pass.attended(), false, workspaces));
  }

  @Override
  public Map<String, INDArray> rnnGetPreviousState() {
    return cache == null ? Map.of() : cache.state();
  }

  @Override
  public void rnnSetPreviousState(Map<String, INDArray> state) {
    cache = state.isEmpty() ? null : KeyValueCache.of(state, dataType);
  }

  @Override
  public void rnnClearPreviousState() {
    cache = null;
  }

  /** As without a state: in truncated backpropagation each segment attends to itself. */
  @Override
  public INDArray rnnActivateUsingStoredState(
      INDArray input, boolean training, boolean storeLast, LayerWorkspaceMgr workspaces) {
    return activate(input, training, workspaces);
  }

  @Override
  public Map<String, INDArray> rnnGetTBPTTState() {
    return Map.of();
  }

  @Override
  public void rnnSetTBPTTState(Map<String, INDArray> state) {
    // There is none.
  }

  @Override
  public Pair<Gradient, INDArray> tbpttBackpropGradient(
      INDArray epsilon, int length, LayerWorkspaceMgr workspaces) {
    return backpropGradient(epsilon, workspaces);
  }

  /** Returns x [B, T, nIn] times a weight, or x without projections. */
  private INDArray project(
      INDArray x, String key, boolean training, ArrayType place, LayerWorkspaceMgr workspaces) {
    if (!layerConf().isProjectInput()) {
      return x;
    }
    INDArray weight = matrix(getParamWithNoise(key, training, workspaces));
    INDArray out = create(x, place, weight.size(1), workspaces);
    linear(x, weight, out);
    return out;
  }

  private void projectGradient(
      INDArray x, String key, INDArray gradient, INDArray dx, LayerWorkspaceMgr workspaces) {
    Nd4j.exec(
        new MixedLinearGradient(
            layerConf().getAttention().precision(),
            x,
            matrix(getParamWithNoise(key, true, workspaces)),
            gradient,
            dx,
            matrix(gradientViews.get(key)),
            null));
  }

  private void linear(INDArray x, INDArray weight, INDArray out) {
    Nd4j.exec(new MixedLinear(layerConf().getAttention().precision(), x, weight, null, out));
  }

  /** Returns heads [H, D, nIn] as a matrix [nIn, H*D], a view. */
  private static INDArray matrix(INDArray heads) {
    return heads.reshape('c', true, heads.size(0) * heads.size(1), heads.size(2)).permute(1, 0);
  }

  private INDArray like(INDArray array, LayerWorkspaceMgr workspaces) {
    return create(array, ArrayType.BP_WORKING_MEM, array.size(2), workspaces);
  }
}
