package io.anchor4j.dl4j.retrofit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

/** A process that knows DL4J and the plug-in, opens what another saved, and trains it a step. */
final class SavedNetwork {
  static final DataSet ROWS = StockNetworks.rows(DataType.FLOAT, 30, true);

  private SavedNetwork() {}

  /** Opens network.zip, graph.zip, network.json and graph.json in that directory. */
  public static void main(String[] arguments) throws IOException {
    Path directory = Path.of(arguments[0]);
    MultiLayerNetwork network =
        ModelSerializer.restoreMultiLayerNetwork(directory.resolve("network.zip").toFile(), true);
    network.fit(ROWS);
    ComputationGraph graph =
        ModelSerializer.restoreComputationGraph(directory.resolve("graph.zip").toFile(), true);
    graph.fit(ROWS);
    var layers =
        new MultiLayerNetwork(
            MultiLayerConfiguration.fromJson(Files.readString(directory.resolve("network.json"))));
    layers.init(network.params().reshape(1, network.numParams()), true);
    var vertices =
        new ComputationGraph(
            ComputationGraphConfiguration.fromJson(
                Files.readString(directory.resolve("graph.json"))));
    vertices.init(graph.params().reshape(1, graph.numParams()), true);
    Files.write(
        directory.resolve("outputs"),
        List.of(
            line(StockNetworks.output(network, ROWS)),
            line(StockNetworks.output(graph, ROWS)),
            line(StockNetworks.output(layers, ROWS)),
            line(StockNetworks.output(vertices, ROWS))));
  }

  /** Returns every number of an array. */
  static String line(INDArray array) {
    return Arrays.toString(array.dup('c').data().asFloat());
  }

  /** Runs {@link #main} in a JVM of its own. */
  static void openElsewhere(Path directory) throws IOException, InterruptedException {
    Path log = directory.resolve("log");
    int code =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-Dorg.bytedeco.javacpp.maxbytes=1g",
                "-cp",
                System.getProperty("java.class.path"),
                SavedNetwork.class.getName(),
                directory.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start()
            .waitFor();
    if (code != 0) {
      throw new IOException("exit code " + code + "\n" + Files.readString(log));
    }
  }
}
