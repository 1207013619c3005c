package io.anchor4j.samediff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Graphs that draw random numbers around their attention. M2.1 cannot train them. */
class RandomOpsTest {
  private static SameDiff graph() {
    SameDiff graph = SameDiff.create();
    SDVariable input = graph.placeHolder("input", DataType.FLOAT, 2, 5, 8);
    SDVariable weight = graph.var("W", Nd4j.randn(DataType.FLOAT, 8, 8));
    SDVariable dropped = graph.nn.dropout("below", input, 0.5);
    SDVariable x = dropped.reshape(10, 8).mmul(weight).reshape(2, 5, 8);
    SDVariable scores = graph.mmul(x, x, false, true, false).mul(0.3);
    SDVariable attended = graph.nn.softmax(scores, -1).mmul("attended", x);
    graph.nn.dropout("above", attended, 0.5).norm2("loss");
    return graph;
  }

  @Test
  void dropoutIsHeldStillWhileComparing() {
    SameDiff graph = graph();
    Map<String, INDArray> input = Map.of("input", Nd4j.ones(DataType.FLOAT, 2, 5, 8));
    assertNotEquals(graph.outputSingle(input, "loss"), graph.outputSingle(input, "loss"));
    SameDiffRetrofitReport report = new SameDiffRetrofit.Builder().build().apply(graph);
    assertEquals(1, report.replaced().size());
    assertTrue(report.proof().outputs() <= 1e-5, report::toString);
    assertNotEquals(graph.outputSingle(input, "loss"), graph.outputSingle(input, "loss"));
  }

  @Test
  void theUsersOwnDrawsAreThoseOfBefore() {
    SameDiff graph = graph();
    Nd4j.getRandom().setSeed(7);
    INDArray expected = Nd4j.rand(DataType.FLOAT, 4);
    Nd4j.getRandom().setSeed(7);
    new SameDiffRetrofit.Builder().build().apply(graph);
    assertEquals(expected, Nd4j.rand(DataType.FLOAT, 4));
  }
}
