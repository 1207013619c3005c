package io.anchor4j.samediff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.tensorflow.framework.AttrValue;
import org.tensorflow.framework.DataType;
import org.tensorflow.framework.GraphDef;
import org.tensorflow.framework.NodeDef;
import org.tensorflow.framework.TensorProto;
import org.tensorflow.framework.TensorShapeProto;

/**
 * An encoder layer as a frozen TensorFlow graph, in the nodes of BERT's published code, through
 * ND4J's importer: scores by BatchMatMulV2 with adj_y, {@code (1 - mask) * -10000} added.
 */
class TensorFlowGraphTest {
  private static final int ROWS = 3;
  private static final int TOKENS = 6;
  private static final int HEADS = 2;
  private static final int DIM = 4;
  private static final int CHANNELS = HEADS * DIM;

  private final GraphDef.Builder graph = GraphDef.newBuilder();
  private final SplittableRandom random = new SplittableRandom(3);

  private static AttrValue type(DataType type) {
    return AttrValue.newBuilder().setType(type).build();
  }

  private static AttrValue flag(boolean value) {
    return AttrValue.newBuilder().setB(value).build();
  }

  private static TensorShapeProto shape(long... sizes) {
    var shape = TensorShapeProto.newBuilder();
    for (long size : sizes) {
      shape.addDim(TensorShapeProto.Dim.newBuilder().setSize(size));
    }
    return shape.build();
  }

  private static NodeDef.Builder node(String op, String name, String... inputs) {
    var node = NodeDef.newBuilder().setOp(op).setName(name);
    for (String input : inputs) {
      node.addInput(input);
    }
    return node.putAttr("T", type(DataType.DT_FLOAT));
  }

  private void input(String name, long... sizes) {
    var of = AttrValue.newBuilder().setShape(shape(sizes)).build();
    graph.addNode(
        node("Placeholder", name).putAttr("dtype", type(DataType.DT_FLOAT)).putAttr("shape", of));
  }

  private void constant(String name, TensorProto.Builder value, DataType type) {
    var tensor = AttrValue.newBuilder().setTensor(value.setDtype(type)).build();
    graph.addNode(node("Const", name).putAttr("dtype", type(type)).putAttr("value", tensor));
  }

  private void number(String name, float value) {
    constant(
        name,
        TensorProto.newBuilder().setTensorShape(shape()).addFloatVal(value),
        DataType.DT_FLOAT);
  }

  private void weight(String name, int... sizes) {
    var value = TensorProto.newBuilder();
    int length = 1;
    var of = TensorShapeProto.newBuilder();
    for (int size : sizes) {
      length *= size;
      of.addDim(TensorShapeProto.Dim.newBuilder().setSize(size));
    }
    for (int i = 0; i < length; i++) {
      value.addFloatVal((float) (random.nextGaussian() * 0.4));
    }
    constant(name, value.setTensorShape(of), DataType.DT_FLOAT);
  }

  private void integers(String name, int... values) {
    var value = TensorProto.newBuilder().setTensorShape(shape(values.length));
    for (int each : values) {
      value.addIntVal(each);
    }
    constant(name, value, DataType.DT_INT32);
  }

  private void reshape(String name, String input, int... sizes) {
    integers(name + "/shape", sizes);
    graph.addNode(
        node("Reshape", name, input, name + "/shape").putAttr("Tshape", type(DataType.DT_INT32)));
  }

  private void transpose(String name, String input) {
    integers(name + "/perm", 0, 2, 1, 3);
    graph.addNode(
        node("Transpose", name, input, name + "/perm").putAttr("Tperm", type(DataType.DT_INT32)));
  }

  private void dense(String name, String input, int in, int out) {
    weight(name + "/kernel", in, out);
    weight(name + "/bias", out);
    graph.addNode(
        node("MatMul", name + "/MatMul", input, name + "/kernel")
            .putAttr("transpose_a", flag(false))
            .putAttr("transpose_b", flag(false)));
    graph.addNode(node("BiasAdd", name, name + "/MatMul", name + "/bias"));
  }

  private void batchProduct(String name, String left, String right, boolean transposed) {
    graph.addNode(
        node("BatchMatMulV2", name, left, right)
            .putAttr("adj_x", flag(false))
            .putAttr("adj_y", flag(transposed)));
  }

  private GraphDef encoder() {
    input("embeddings", ROWS, TOKENS, CHANNELS);
    input("mask", ROWS, 1, 1, TOKENS);
    reshape("flat", "embeddings", ROWS * TOKENS, CHANNELS);
    for (String name : new String[] {"query", "key", "value"}) {
      dense(name, "flat", CHANNELS, CHANNELS);
      reshape(name + "/split", name, ROWS, TOKENS, HEADS, DIM);
      transpose(name + "/heads", name + "/split");
    }
    batchProduct("scores", "query/heads", "key/heads", true);
    number("scale", 0.5f);
    graph.addNode(node("Mul", "scaled", "scores", "scale"));
    number("one", 1);
    graph.addNode(node("Sub", "hidden", "one", "mask"));
    number("lot", -10_000);
    graph.addNode(node("Mul", "adder", "hidden", "lot"));
    graph.addNode(node("AddV2", "masked", "scaled", "adder"));
    graph.addNode(node("Softmax", "probabilities", "masked"));
    batchProduct("context", "probabilities", "value/heads", false);
    transpose("context/tokens", "context");
    reshape("context/joined", "context/tokens", ROWS * TOKENS, CHANNELS);
    dense("output", "context/joined", CHANNELS, CHANNELS);
    graph.addNode(node("AddV2", "residual", "output", "flat"));
    dense("intermediate", "residual", CHANNELS, 16);
    graph.addNode(node("Relu", "relu", "intermediate"));
    dense("feedforward", "relu", 16, CHANNELS);
    graph.addNode(node("AddV2", "encoded", "feedforward", "residual"));
    return graph.build();
  }

  /** What the importer (TFGraphMapper, M2.1) leaves in the working directory. */
  @AfterAll
  static void sweep() throws IOException {
    for (String what : List.of("ops-added", "ops-imported", "ops-removed", "variables-added")) {
      Files.deleteIfExists(Path.of(what + "-old.txt"));
    }
  }

  @Test
  void anImportedEncoderGivesWhatItGave() {
    SameDiff imported = SameDiff.importFrozenTF(encoder());
    INDArray mask = Nd4j.ones(ROWS, 1, 1, TOKENS);
    mask.putScalar(new int[] {1, 0, 0, 5}, 0);
    Nd4j.getRandom().setSeed(1);
    Map<String, INDArray> inputs =
        Map.of("embeddings", Nd4j.randn(ROWS, TOKENS, CHANNELS), "mask", mask);
    INDArray before = imported.outputSingle(inputs, "encoded");
    var report = new SameDiffRetrofit.Builder().build().apply(imported);
    assertEquals("context", report.replaced().get(0).output());
    assertEquals(
        "matmul, softmax, matmul of rank 4, scale 0.5, mask adder",
        report.replaced().get(0).form());
    assertEquals(1, SameDiffRetrofitTest.anchors(imported));
    double difference = Differences.ofValues(before, imported.outputSingle(inputs, "encoded"));
    assertTrue(difference <= 1e-5, () -> "differs by " + difference);
  }
}
