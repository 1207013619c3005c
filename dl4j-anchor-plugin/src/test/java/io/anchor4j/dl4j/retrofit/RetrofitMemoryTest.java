package io.anchor4j.dl4j.retrofit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import java.util.function.LongFunction;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryType;
import org.deeplearning4j.nn.conf.memory.MemoryUseMode;
import org.deeplearning4j.nn.conf.memory.NetworkMemoryReport;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.Adam;

/** DL4J's memory report once its attention is swapped; before, M2.1 ends in a null pointer. */
class RetrofitMemoryTest {
  private static final int BATCH = 3;
  private static final long TOKENS = 1000;

  /** Elements a token needs of attention with two heads of three until its backward pass. */
  private static final long KEPT = 4 * 2 * 3 + 2;

  private static final AttentionRetrofit RETROFIT = new AttentionRetrofit.Builder().build();

  @Test
  void ofANetwork() {
    var network = StockNetworks.network(DataType.FLOAT, new Adam(0.01));
    MultiLayerConfiguration old = network.getLayerWiseConfigurations();
    assertThrows(NullPointerException.class, () -> total(old.getMemoryReport(sequence(TOKENS)), 1));
    MultiLayerConfiguration ours = RETROFIT.apply(network).result().getLayerWiseConfigurations();
    // LSTM, attention, LSTM, attention, output.
    long outputs = 6 + 6 + 6 + 4 + StockNetworks.CLASSES;
    assertReport(network.numParams(), outputs, tokens -> ours.getMemoryReport(sequence(tokens)));
  }

  @Test
  void ofAGraph() {
    var graph = StockNetworks.graph(DataType.FLOAT, new Adam(0.01));
    ComputationGraphConfiguration old = graph.getConfiguration();
    assertThrows(NullPointerException.class, () -> total(old.getMemoryReport(sequence(TOKENS)), 1));
    ComputationGraph ours = RETROFIT.apply(graph).result();
    // LSTM, attention, attention that was a vertex, output.
    long outputs = 6 + 6 + 4 + StockNetworks.CLASSES;
    assertReport(
        ours.numParams(),
        outputs,
        tokens -> ours.getConfiguration().getMemoryReport(sequence(tokens)));
  }

  /** The input, which is query, key and value, counts as the output of the layer below. */
  @Test
  void ofALayerWithoutProjections() {
    var layer =
        new AnchorAttentionLayer.Builder()
            .nIn(StockNetworks.INPUTS)
            .nOut(StockNetworks.INPUTS)
            .nHeads(1)
            .projectInput(false)
            .build();
    LayerMemoryReport report = layer.getMemoryReport(sequence(TOKENS));
    assertEquals(0, bytes(report, MemoryType.PARAMETERS));
    assertEquals(
        4 * BATCH * TOKENS * (StockNetworks.INPUTS + 1),
        bytes(report, MemoryType.CACHED_MEMORY_VARIABLE));
  }

  private static void assertReport(
      long parameters, long outputs, LongFunction<NetworkMemoryReport> reports) {
    NetworkMemoryReport report = reports.apply(TOKENS);
    assertEquals(4 * parameters, bytes(report, MemoryType.PARAMETERS));
    assertEquals(4 * parameters, bytes(report, MemoryType.PARAMATER_GRADIENTS));
    assertEquals(4 * 2 * parameters, bytes(report, MemoryType.UPDATER_STATE));
    assertEquals(4 * BATCH * TOKENS * outputs, bytes(report, MemoryType.ACTIVATIONS));
    // Two attentions, and both at once.
    assertEquals(4 * BATCH * TOKENS * 2 * KEPT, bytes(report, MemoryType.CACHED_MEMORY_VARIABLE));
    // Each further token costs what the one before did: nothing grows with tokens squared.
    long once = total(report, BATCH);
    long twice = total(reports.apply(2 * TOKENS), BATCH);
    long thrice = total(reports.apply(3 * TOKENS), BATCH);
    assertEquals(twice - once, thrice - twice);
  }

  private static InputType sequence(long tokens) {
    return InputType.recurrent(StockNetworks.INPUTS, tokens);
  }

  private static long bytes(MemoryReport report, MemoryType type) {
    return report.getMemoryBytes(
        type, BATCH, MemoryUseMode.TRAINING, CacheMode.NONE, DataType.FLOAT);
  }

  private static long total(NetworkMemoryReport report, int batch) {
    return report.getTotalMemoryBytes(
        batch, MemoryUseMode.TRAINING, CacheMode.NONE, DataType.FLOAT);
  }
}
