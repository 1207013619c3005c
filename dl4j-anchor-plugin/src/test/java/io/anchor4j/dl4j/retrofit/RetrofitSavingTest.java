package io.anchor4j.dl4j.retrofit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;

class RetrofitSavingTest {

  @Test
  void aSwappedNetworkIsOpenedAndTrainedOnInAnotherProcess(@TempDir Path directory)
      throws Exception {
    DataSet rows = SavedNetwork.ROWS;
    MultiLayerNetwork oldNetwork = StockNetworks.network(DataType.FLOAT, new Adam(0.01));
    ComputationGraph oldGraph = StockNetworks.graph(DataType.FLOAT, new Adam(0.01));
    for (int i = 0; i < 3; i++) {
      oldNetwork.fit(rows);
      oldGraph.fit(rows);
    }
    var retrofit = new AttentionRetrofit.Builder().build();
    MultiLayerNetwork network = retrofit.apply(oldNetwork).result();
    ComputationGraph graph = retrofit.apply(oldGraph).result();
    ModelSerializer.writeModel(network, directory.resolve("network.zip").toFile(), true);
    ModelSerializer.writeModel(graph, directory.resolve("graph.zip").toFile(), true);
    Files.writeString(
        directory.resolve("network.json"), network.getLayerWiseConfigurations().toJson());
    Files.writeString(directory.resolve("graph.json"), graph.getConfiguration().toJson());
    SavedNetwork.openElsewhere(directory);
    network.fit(rows);
    graph.fit(rows);
    String layers = SavedNetwork.line(StockNetworks.output(network, rows));
    String vertices = SavedNetwork.line(StockNetworks.output(graph, rows));
    assertEquals(
        List.of(layers, vertices, layers, vertices),
        Files.readAllLines(directory.resolve("outputs")));
  }
}
