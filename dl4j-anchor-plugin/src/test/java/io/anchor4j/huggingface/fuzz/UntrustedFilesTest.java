package io.anchor4j.huggingface.fuzz;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random changes of good files: 2,000 inputs over all readers, or as many as {@code
 * -Danchor4j.fuzz.inputs} says, from {@code -Danchor4j.fuzz.seed}.
 */
class UntrustedFilesTest {
  private static final int INPUTS = Integer.getInteger("anchor4j.fuzz.inputs", 2_000);
  private static final long SEED = Long.getLong("anchor4j.fuzz.seed", 20_240);

  static Stream<String> readers() {
    return Fuzz.READERS.keySet().stream().sorted();
  }

  @ParameterizedTest
  @MethodSource("readers")
  void aChangedFileIsRefusedInOneLineOrReadRight(String reader, @TempDir Path directory)
      throws IOException, InterruptedException {
    int inputs = INPUTS / Fuzz.READERS.size();
    System.out.println(new Fuzz(reader, SEED, directory).run(inputs));
  }
}
