package io.anchor4j.dl4j.layer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The lookup and its gradient. A tied output layer reads the vectors through {@link #weight} and
 * writes its part of their gradient first, see {@link #tiedGradient}.
 */
final class TokenEmbeddingLayerImpl extends TokenLayerImpl<TokenEmbeddingLayer> {
  private static final long serialVersionUID = 1L;

  /** Whether the gradient view already holds a tied output's part, to be added to. */
  private boolean holdsTiedGradient;

  TokenEmbeddingLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  /** The vectors [V, C]. */
  INDArray weight() {
    return getParam(TokenEmbeddingLayer.WEIGHT_KEY);
  }

  /** The gradient view [V, C]; null if frozen, or before the first backward pass of the network. */
  INDArray tiedGradient() {
    return gradientView(TokenEmbeddingLayer.WEIGHT_KEY);
  }

  /** Whether a tied output has written to {@link #tiedGradient} in this pass. */
  boolean holdsTiedGradient() {
    return holdsTiedGradient;
  }

  /** Says that a tied output has written to {@link #tiedGradient}. */
  void markTiedGradient() {
    holdsTiedGradient = true;
  }

  @Override
  public void setInput(INDArray ids, LayerWorkspaceMgr workspaceMgr) {
    super.setInput(ids, workspaceMgr);
    // A pass that ended in an exception may have left its part behind.
    holdsTiedGradient = false;
  }

  @Override
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(false);
    int[] ids = ids();
    INDArray out = create(input, ArrayType.ACTIVATIONS, layerConf().getNOut(), workspaceMgr);
    INDArray weight = weight();
    if (weight.dataType() == dataType) {
      Nd4j.pullRows(weight, TokenMajor.rows(out), 1, ids);
    } else {
      TokenMajor.rows(out).assign(Nd4j.pullRows(weight, 1, ids));
    }
    return TokenMajor.activations(out);
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(true);
    if (layerConf().getFrozen() != null) {
      return new Pair<>(gradientOfViews(), null);
    }
    // Sums are formed in float32 for HALF: a frequent token adds up hundreds of small numbers.
    DataType sumType = sumType();
    INDArray rows =
        TokenMajor.rows(TokenMajor.of(epsilon, sumType, workspaceMgr, ArrayType.BP_WORKING_MEM));
    int[] ids = ids();
    int[] slots = new int[ids.length]; // The row of the sums that a token adds to.
    int[] distinct = distinct(ids, slots);
    INDArray sums =
        workspaceMgr
            .createUninitialized(
                ArrayType.BP_WORKING_MEM,
                sumType,
                new long[] {distinct.length, layerConf().getNOut()},
                'c')
            .assign(0);
    scatterAdd(sums, slots, rows);

    INDArray gradient = tiedGradient();
    if (!holdsTiedGradient) {
      gradient.assign(0);
    }
    holdsTiedGradient = false;
    scatterAdd(gradient, distinct, sums.castTo(dataType));
    return new Pair<>(gradientOfViews(), null);
  }

  /** Adds {@code rows[i]} to {@code target[index[i]]}, in the order of i. */
  private static void scatterAdd(INDArray target, int[] index, INDArray rows) {
    Nd4j.exec(
        DynamicCustomOp.builder("scatter_add")
            .addInputs(target, Nd4j.createFromArray(index), rows)
            .addOutputs(target)
            // Locked: one thread, in order. Without it threads race for the rows of equal ids.
            .addBooleanArguments(true)
            .callInplace(true)
            .build());
  }

  private static int[] distinct(int[] ids, int[] slots) {
    Map<Integer, Integer> slotOf = new HashMap<>();
    int[] distinct = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      Integer slot = slotOf.putIfAbsent(ids[i], slotOf.size());
      slots[i] = slot == null ? slotOf.size() - 1 : slot;
      distinct[slots[i]] = ids[i];
    }
    return Arrays.copyOf(distinct, slotOf.size());
  }

  private int[] ids() {
    checkArgument(
        input.rank() == 2 && input.dataType().isIntType(),
        "%s: token ids must be integers [batch, tokens], got %s %s. Cast them with"
            + " castTo(DataType.INT32) before they pass through any floating type.",
        layerId(),
        Arrays.toString(input.shape()),
        input.dataType());
    long[] ids = input.dup('c').data().asLong();
    long vocabulary = layerConf().getNIn();
    for (int i = 0; i < ids.length; i++) {
      checkArgument(
          ids[i] >= 0 && ids[i] < vocabulary,
          "%s: token id %s at row %s, token %s is outside the vocabulary 0 to %s. Check that the"
              + " tokenizer belongs to the model.",
          layerId(),
          ids[i],
          i / input.size(1),
          i % input.size(1),
          vocabulary - 1);
    }
    return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
  }
}
