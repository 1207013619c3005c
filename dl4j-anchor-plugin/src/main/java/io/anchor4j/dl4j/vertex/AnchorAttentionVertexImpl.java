package io.anchor4j.dl4j.vertex;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import io.anchor4j.dl4j.layer.TokenDocuments;
import io.anchor4j.dl4j.layer.TokenMajor;
import io.anchor4j.ops.AnchorAttention;
import io.anchor4j.ops.AnchorAttentionGradient;
import java.util.Arrays;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

@SuppressWarnings(
    "overrides") // BaseGraphVertex declares setInputs without the varargs of its interface.
final class AnchorAttentionVertexImpl extends TokenVertexImpl {
  private static final long serialVersionUID = 1L;

  /** Frames from here to rnnTimeStep: six, one more in a FrozenVertex, and some for others. */
  private static final int CALLERS = 12;

  private final AnchorAttentionVertex conf;
  private transient INDArray keyMask;
  private transient INDArray attended; // [B, T, H*D]
  private transient INDArray logSumExp; // [B, H, T]

  AnchorAttentionVertexImpl(
      ComputationGraph graph,
      String name,
      int index,
      DataType dataType,
      AnchorAttentionVertex conf) {
    super(graph, name, index, dataType);
    this.conf = conf;
  }

  @Override
  INDArray forward(boolean training, LayerWorkspaceMgr workspaces) {
    if (!training) {
      refuseSteps();
    }
    checkInputs();
    INDArray query = tokens(0, workspaces, ArrayType.FF_WORKING_MEM);
    INDArray out =
        workspaces.createUninitialized(ArrayType.ACTIVATIONS, dataType, query.shape(), 'c');
    DataType statistics = dataType == DataType.DOUBLE ? DataType.DOUBLE : DataType.FLOAT;
    INDArray sums =
        workspaces.createUninitialized(
            training ? ArrayType.ACTIVATIONS : ArrayType.FF_WORKING_MEM,
            statistics,
            query.size(0),
            conf.getHeads(),
            query.size(1));
    AttentionCache cache = training ? null : AttentionCache.inUse(graph);
    if (cache != null) {
      INDArray key = tokens(1, workspaces, ArrayType.FF_WORKING_MEM);
      INDArray value = tokens(2, workspaces, ArrayType.FF_WORKING_MEM);
      Nd4j.exec(cache.attention(this, conf, query, key, value, out, sums));
      return TokenMajor.activations(out);
    }
    Nd4j.exec(
        new AnchorAttention(
            conf.getAttention(),
            TokenMajor.heads(query, conf.getHeads()),
            heads(1, workspaces, ArrayType.FF_WORKING_MEM),
            heads(2, workspaces, ArrayType.FF_WORKING_MEM),
            documents(),
            positions(),
            TokenMajor.heads(out, conf.getHeads()),
            sums));
    if (training) {
      logSumExp = sums;
      // The gradient reads the result, and DL4J's own layers apply dropout in place.
      attended = dropoutFollows() ? workspaces.dup(ArrayType.ACTIVATIONS, out, 'c') : out;
    }
    return TokenMajor.activations(out);
  }

  @Override
  INDArray[] backward(LayerWorkspaceMgr workspaces) {
    ArrayType place = ArrayType.BP_WORKING_MEM;
    INDArray outGradient = TokenMajor.of(getEpsilon(), dataType, workspaces, place);
    INDArray[] gradients = new INDArray[inputs.length]; // Null for the integers.
    INDArray[] heads = new INDArray[3];
    for (int i = 0; i < 3; i++) {
      INDArray gradient =
          TokenMajor.create(
              workspaces,
              ArrayType.ACTIVATION_GRAD,
              dataType,
              inputs[i].size(0),
              inputs[i].size(2),
              inputs[i].size(1));
      heads[i] = TokenMajor.heads(gradient, i == 0 ? conf.getHeads() : conf.getKvHeads());
      gradients[i] = TokenMajor.activations(gradient);
    }
    Nd4j.exec(
        new AnchorAttentionGradient(
            conf.getAttention(),
            heads(0, workspaces, place),
            heads(1, workspaces, place),
            heads(2, workspaces, place),
            documents(),
            positions(),
            TokenMajor.heads(attended, conf.getHeads()),
            logSumExp,
            TokenMajor.heads(outGradient, conf.getHeads()),
            heads[0],
            heads[1],
            heads[2]));
    dropKept();
    return gradients;
  }

  /**
   * ComputationGraph (M2.1) neither tells a vertex that it steps, nor reaches it with
   * rnnClearPreviousState: it can keep no keys and values, and would attend to this step alone. The
   * caller is all there is to tell a step by (2 us); had the vertex a layer, the graph would ask
   * that, but summary() and TransferLearning then expect a LayerVertex in the configuration.
   */
  private void refuseSteps() {
    boolean steps =
        StackWalker.getInstance()
            .walk(callers -> callers.limit(CALLERS).anyMatch(AnchorAttentionVertexImpl::steps));
    checkState(
        !steps,
        "%s: rnnTimeStep would lose the tokens before. Use an AnchorAttentionLayer, which keeps them,"
            + " or output(...) on all tokens so far.",
        this);
  }

  private static boolean steps(StackWalker.StackFrame caller) {
    return caller.getClassName().equals(ComputationGraph.class.getName())
        && caller.getMethodName().startsWith("rnnTimeStep");
  }

  private INDArray heads(int input, LayerWorkspaceMgr workspaces, ArrayType place) {
    int heads = input == 0 ? conf.getHeads() : conf.getKvHeads();
    return TokenMajor.heads(tokens(input, workspaces, place), heads);
  }

  private INDArray tokens(int input, LayerWorkspaceMgr workspaces, ArrayType place) {
    return TokenMajor.of(inputs[input], dataType, workspaces, place);
  }

  private INDArray documents() {
    if (inputs.length > 3) {
      return inputs[3];
    }
    if (keyMask == null) {
      return null;
    }
    return TokenDocuments.ofMask(toString(), keyMask, inputs[1].size(0), inputs[1].size(2)).array();
  }

  private INDArray positions() {
    return inputs.length > 4 ? inputs[4] : null;
  }

  private void checkInputs() {
    long[] query = inputs[0].shape();
    long[] key = inputs[1].shape();
    long headDim = query.length == 3 ? query[1] / conf.getHeads() : 0;
    checkArgument(
        query.length == 3
            && key.length == 3
            && Arrays.equals(key, inputs[2].shape())
            && query[0] == key[0]
            && query[2] == key[2]
            && query[1] == headDim * conf.getHeads()
            && key[1] == headDim * conf.getKvHeads(),
        "%s: query must be [batch, %s * D, tokens] (heads), key and value [batch, %s * D, tokens]"
            + " (kvHeads), got query %s, key %s and value %s",
        this,
        conf.getHeads(),
        conf.getKvHeads(),
        Arrays.toString(query),
        Arrays.toString(key),
        Arrays.toString(inputs[2].shape()));
  }

  private boolean dropoutFollows() {
    return getOutputVertices() != null
        && Arrays.stream(getOutputVertices())
            .map(reader -> graph.getVertices()[reader.getVertexIndex()])
            .filter(GraphVertex::hasLayer)
            .anyMatch(vertex -> vertex.getLayer().conf().getLayer().getIDropout() != null);
  }

  @Override
  public Pair<INDArray, MaskState> feedForwardMaskArrays(
      INDArray[] maskArrays, MaskState currentMaskState, int minibatchSize) {
    keyMask = maskArrays == null ? null : maskArrays[1];
    return super.feedForwardMaskArrays(maskArrays, currentMaskState, minibatchSize);
  }

  @Override
  public void clear() {
    super.clear();
    keyMask = null;
    dropKept();
  }

  private void dropKept() {
    attended = null;
    logSumExp = null;
  }
}
