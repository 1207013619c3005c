package io.anchor4j.huggingface.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.anchor4j.decoder.Decoder;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import java.io.IOException;
import java.nio.file.Path;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A whole model under a changed config.json. Right is: the parameters of the good one. */
final class ModelReader implements Reader {
  private INDArray good;

  @Override
  public Path[] writeGoodFiles(Path directory) throws IOException {
    Path file = ConfigReader.writeGoodFile("llama", directory);
    HuggingFaceConfig config = HuggingFaceConfig.read(directory);
    var graph = Decoder.create(config.toDecoderConfig(), 5);
    good = graph.params();
    HuggingFaceModel.save(graph, config, directory);
    return new Path[] {file};
  }

  @Override
  public void readAndCompare(Path directory) throws IOException {
    assertEquals(good, HuggingFaceModel.load(directory).params());
  }
}
