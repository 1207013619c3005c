package io.anchor4j.huggingface.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.PeftAdapter;
import io.anchor4j.huggingface.PeftConfig;
import io.anchor4j.huggingface.PeftTargets;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** An adapter under a changed adapter_config.json. Right is: the parameters of the good one. */
final class AdapterReader implements Reader {
  private INDArray good;

  @Override
  public Path[] writeGoodFiles(Path directory) throws IOException {
    new ModelReader().writeGoodFiles(directory);
    var targets = PeftTargets.of(List.of("q_proj", "1.mlp.up_proj"));
    var peft = new PeftConfig(2, 4, false, 0.1, targets, "base");
    var graph = PeftAdapter.create(directory, decoder(directory), peft, 3);
    good = graph.params();
    PeftAdapter.save(graph, decoder(directory), peft, directory);
    return new Path[] {directory.resolve(PeftConfig.FILE)};
  }

  private static DecoderConfig decoder(Path directory) throws IOException {
    return HuggingFaceConfig.read(directory).toDecoderConfig();
  }

  @Override
  public void readAndCompare(Path directory) throws IOException {
    assertEquals(good, PeftAdapter.load(directory, decoder(directory), directory).params());
  }
}
