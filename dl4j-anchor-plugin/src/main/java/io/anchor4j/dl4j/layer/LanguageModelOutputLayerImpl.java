package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import io.anchor4j.ops.LinearCrossEntropy;
import io.anchor4j.ops.LinearCrossEntropyGradient;
import io.anchor4j.ops.MixedLinear;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.FrozenLayer;
import org.deeplearning4j.nn.layers.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The running form of {@link LanguageModelOutputLayer}. */
public final class LanguageModelOutputLayerImpl extends OutputLayerImpl<LanguageModelOutputLayer> {
  private static final long serialVersionUID = 1L;

  private transient INDArray labels;
  private transient TokenEmbeddingLayerImpl embedding;
  private boolean embeddingTrains;

  /** The loss of the backward pass, asked for right after it; null once anything has changed. */
  private Double knownLoss;

  LanguageModelOutputLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  /**
   * Uses the vectors of an embedding as the weight and adds to their gradient.
   *
   * @param layer a {@link TokenEmbeddingLayer}'s implementation, frozen or not
   * @throws IllegalArgumentException if it is another layer or its size differs
   */
  public void tieTo(Layer layer) {
    Layer inner = layer;
    while (inner instanceof BaseWrapperLayer wrapper) {
      inner = wrapper.getUnderlying();
    }
    checkArgument(
        inner instanceof TokenEmbeddingLayerImpl,
        "%s: tiedTo must name a TokenEmbeddingLayer, \"%s\" is a %s",
        layerId(),
        layerConf().getTiedTo(),
        inner.getClass().getSimpleName());
    var target = (TokenEmbeddingLayerImpl) inner;
    checkArgument(
        target.layerConf().getNIn() == layerConf().getNOut()
            && target.layerConf().getNOut() == layerConf().getNIn(),
        "%s: tied to embedding \"%s\" of nIn=%s (vocabulary) and nOut=%s, so this layer must have"
            + " nOut=%s and nIn=%s, got nOut=%s and nIn=%s",
        layerId(),
        layerConf().getTiedTo(),
        target.layerConf().getNIn(),
        target.layerConf().getNOut(),
        target.layerConf().getNIn(),
        target.layerConf().getNOut(),
        layerConf().getNOut(),
        layerConf().getNIn());
    embedding = target;
    embeddingTrains =
        !(layer instanceof FrozenLayer || layer instanceof FrozenLayerWithBackprop)
            && target.layerConf().getFrozen() == null;
  }

  /**
   * Returns the loss of each token, without ever holding all logits.
   *
   * @param hidden [B, nIn, T], the input of this layer
   * @param targets INT [B, T], -100 where one does not count
   * @return [B, T] FLOAT (DOUBLE in a DOUBLE network), -ln p(target), 0 where none counts
   */
  public INDArray tokenLosses(INDArray hidden, INDArray targets) {
    LayerWorkspaceMgr workspaces = LayerWorkspaceMgr.noWorkspaces();
    INDArray x = tokens(hidden, ArrayType.FF_WORKING_MEM, workspaces);
    long batch = x.size(0);
    long tokens = x.size(1);
    var checked =
        LanguageModelTargets.of(layerId(), targets, null, batch, tokens, layerConf().getNOut());
    INDArray losses = losses(x, checked, false, ArrayType.FF_WORKING_MEM, workspaces)[0];
    return losses.reshape(batch, tokens);
  }

  /**
   * Returns the logits of each token.
   *
   * @param hidden [B, nIn, T], the input of this layer
   * @return [B, T, nOut], not normalised
   */
  public INDArray logits(INDArray hidden) {
    LayerWorkspaceMgr workspaces = LayerWorkspaceMgr.noWorkspaces();
    return logits(tokens(hidden, ArrayType.FF_WORKING_MEM, workspaces), false, workspaces);
  }

  private INDArray logits(INDArray x, boolean training, LayerWorkspaceMgr workspaces) {
    INDArray logits = create(x, ArrayType.ACTIVATIONS, layerConf().getNOut(), workspaces);
    INDArray weight = weight(training, workspaces);
    Nd4j.exec(new MixedLinear(layerConf().getPrecision(), x, weight, null, logits));
    return logits;
  }

  @Override
  public Type type() {
    // Of a recurrent one MultiLayerNetwork.rnnTimeStep, given ids [B, T], hands out the first
    // token.
    return Type.FEED_FORWARD;
  }

  @Override
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(false);
    applyDropOutIfNecessary(training, workspaceMgr);
    INDArray x = tokens(input, ArrayType.FF_WORKING_MEM, workspaceMgr);
    return TokenMajor.activations(logits(x, training, workspaceMgr));
  }

  @Override
  public double computeScore(
      double fullNetworkRegScore, boolean training, LayerWorkspaceMgr workspaceMgr) {
    if (knownLoss == null) {
      LanguageModelTargets targets = targets();
      knownLoss = targets.mean(currentLosses(targets, training, workspaceMgr));
    }
    score = knownLoss + fullNetworkRegScore;
    knownLoss = null;
    return score;
  }

  /** Returns each row's mean loss over its targets that count, [B, 1]. */
  @Override
  public INDArray computeScoreForExamples(
      double fullNetworkRegScore, LayerWorkspaceMgr workspaceMgr) {
    LanguageModelTargets targets = targets();
    double[] means = targets.meanByRow(currentLosses(targets, false, workspaceMgr));
    INDArray scores =
        workspaceMgr.createUninitialized(ArrayType.ACTIVATIONS, dataType, means.length, 1);
    for (int row = 0; row < means.length; row++) {
      scores.putScalar(row, means[row] + fullNetworkRegScore);
    }
    return scores;
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(true);
    applyDropOutIfNecessary(true, workspaceMgr); // The forward pass of an output layer is skipped.
    LanguageModelTargets targets = targets();
    INDArray x = tokens(input, ArrayType.BP_WORKING_MEM, workspaceMgr);
    INDArray[] forward = losses(x, targets, true, ArrayType.BP_WORKING_MEM, workspaceMgr);
    INDArray dx = create(x, ArrayType.ACTIVATION_GRAD, x.size(2), workspaceMgr);
    exactGradient(x, targets, forward[1], dx, workspaceMgr);
    knownLoss = targets.mean(forward[0]);
    INDArray next = TokenMajor.activations(dx);
    return new Pair<>(gradientOfViews(), dropoutApplied ? backpropDropOutIfPresent(next) : next);
  }

  private void exactGradient(
      INDArray x,
      LanguageModelTargets targets,
      INDArray logSumExp,
      INDArray dx,
      LayerWorkspaceMgr workspaces) {
    // The score is a mean over targets. DL4J divides gradients by the batch size if the network is
    // set to miniBatch(true), as it is for losses summed over the batch: that is undone here.
    double share = targets.counting() == 0 ? 0 : 1.0 / targets.counting();
    double scale = conf().isMiniBatch() ? share * x.size(0) : share;
    INDArray lossGradients =
        workspaces
            .createUninitialized(ArrayType.BP_WORKING_MEM, sumType(), logSumExp.length())
            .assign(scale);
    INDArray weight = weight(true, workspaces);
    boolean tied = layerConf().getTiedTo() != null;
    // A second tied output adds to the gradient of the first.
    boolean aside = tied && embeddingTrains && embedding.holdsTiedGradient();
    INDArray weightGradient;
    if (tied && !embeddingTrains) {
      weightGradient = null;
    } else if (aside) {
      weightGradient =
          workspaces.createUninitialized(ArrayType.BP_WORKING_MEM, dataType, weight.shape(), 'c');
    } else if (tied) {
      weightGradient = embedding.tiedGradient().permute(1, 0); // [V, C] -> [C, V]
    } else {
      weightGradient = gradientView(LanguageModelOutputLayer.WEIGHT_KEY);
    }
    Nd4j.exec(
        new LinearCrossEntropyGradient(
            layerConf().getPrecision(),
            TokenMajor.rows(x),
            weight,
            targets.array(),
            logSumExp,
            lossGradients,
            TokenMajor.rows(dx),
            weightGradient));
    if (tied && embeddingTrains) {
      if (aside) {
        embedding.tiedGradient().addi(weightGradient.permute(1, 0));
      }
      embedding.markTiedGradient();
    }
  }

  private INDArray currentLosses(
      LanguageModelTargets targets, boolean training, LayerWorkspaceMgr workspaces) {
    applyDropOutIfNecessary(training, workspaces);
    INDArray x = tokens(input, ArrayType.FF_WORKING_MEM, workspaces);
    return losses(x, targets, training, ArrayType.FF_WORKING_MEM, workspaces)[0];
  }

  /** Returns losses [B*T] and log-sum-exp [B*T]. */
  private INDArray[] losses(
      INDArray x,
      LanguageModelTargets targets,
      boolean training,
      ArrayType place,
      LayerWorkspaceMgr workspaces) {
    INDArray rows = TokenMajor.rows(x);
    INDArray losses = workspaces.createUninitialized(place, sumType(), rows.size(0));
    INDArray logSumExp = workspaces.createUninitialized(place, sumType(), rows.size(0));
    Nd4j.exec(
        new LinearCrossEntropy(
            layerConf().getPrecision(),
            rows,
            weight(training, workspaces),
            targets.array(),
            losses,
            logSumExp));
    return new INDArray[] {losses, logSumExp};
  }

  private LanguageModelTargets targets() {
    checkState(
        input != null && labels != null,
        "%s: a score needs input and labels; labels are INT [batch, tokens]",
        layerId());
    return LanguageModelTargets.of(
        layerId(), labels, maskArray, input.size(0), input.size(2), layerConf().getNOut());
  }

  /** Returns the weight [nIn, nOut]. */
  private INDArray weight(boolean training, LayerWorkspaceMgr workspaces) {
    if (layerConf().getTiedTo() == null) {
      return getParamWithNoise(LanguageModelOutputLayer.WEIGHT_KEY, training, workspaces);
    }
    checkState(
        embedding != null,
        "%s: tied to \"%s\" but not linked to it. Put a TiedEmbeddingVertex between this layer and"
            + " its input; a tied output cannot stand in a MultiLayerNetwork.",
        layerId(),
        layerConf().getTiedTo());
    return embedding.weight().permute(1, 0); // [V, C] -> [C, V]
  }

  @Override
  public void setInput(INDArray input, LayerWorkspaceMgr workspaceMgr) {
    super.setInput(input, workspaceMgr);
    knownLoss = null;
  }

  @Override
  public void setLabels(INDArray labels) {
    this.labels = labels;
    knownLoss = null;
  }

  @Override
  public INDArray getLabels() {
    return labels;
  }

  @Override
  public boolean needsLabels() {
    return true;
  }

  @Override
  public void setMaskArray(INDArray maskArray) {
    if (maskArray != this.maskArray) {
      knownLoss = null;
    }
    super.setMaskArray(maskArray);
  }

  @Override
  public Pair<INDArray, MaskState> feedForwardMaskArray(
      INDArray maskArray, MaskState currentMaskState, int minibatchSize) {
    return null; // A features mask says nothing of targets, and no layer follows.
  }

  @Override
  public void clear() {
    super.clear();
    labels = null;
    knownLoss = null;
  }
}
