package io.anchor4j.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.kernel.KernelProviders;
import io.anchor4j.testing.AttentionInputs;
import io.anchor4j.testing.ErrorBudget;
import io.anchor4j.testing.FreshJvm;
import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** What can only be seen in a process of its own: the class path is all the set-up there is. */
class FreshProcessTest {

  /** Loads a saved graph, trains a step and prints the loss; nothing of ours is called first. */
  static final class LoadAndFit {
    private LoadAndFit() {}

    public static void main(String[] args) {
      SameDiff graph = SameDiff.load(new File(args[0]), /* loadUpdaterState= */ true);
      INDArray tokens = SameDiffGraphTest.tokens(DataType.FLOAT);
      graph.fit(new DataSet(tokens, null));
      System.out.println("loss " + SameDiffGraphTest.loss(graph, tokens));
    }
  }

  @Test
  void aSavedGraphTrainsOnInAProcessThatOnlyHasTheJar(@TempDir Path folder) throws Exception {
    SameDiff graph = SameDiffGraphTest.graph(DataType.FLOAT);
    graph.setTrainingConfig(SameDiffGraphTest.training());
    INDArray tokens = SameDiffGraphTest.tokens(DataType.FLOAT);
    graph.fit(new DataSet(tokens, null));
    File file = folder.resolve("graph.fb").toFile();
    graph.save(file, /* saveUpdaterState= */ true);
    graph.fit(new DataSet(tokens, null));
    String printed = FreshJvm.run(LoadAndFit.class, Map.of(), file.toString());
    assertTrue(
        printed.contains("loss " + SameDiffGraphTest.loss(graph, tokens)),
        () -> "expected the loss of the graph that went on here, got: " + printed);
  }

  /** Prints a fingerprint of an attention's results, forward and backward, by every provider. */
  static final class Fingerprint {
    private Fingerprint() {}

    public static void main(String[] args) {
      KernelProviders.available()
          .forEach(
              provider -> {
                long print = 0;
                for (long seed = 0; seed < 6; seed++) {
                  var results = AttentionInputs.random(seed, 150, DataType.FLOAT).run(provider);
                  for (INDArray array :
                      new INDArray[] {
                        results.output(),
                        results.logSumExp(),
                        results.queryGradient(),
                        results.keyGradient(),
                        results.valueGradient()
                      }) {
                    print = 31 * print + Arrays.hashCode(ErrorBudget.values(array));
                  }
                }
                System.out.println("bits of " + provider.name() + " " + print);
              });
      System.out.println("threads " + Nd4j.getEnvironment().maxThreads());
    }
  }

  /**
   * The nd4j provider's bits are those of its BLAS, and OpenBLAS takes other kernels at the edges
   * of other splits: there, equal bits are owed for equal thread counts (docs/providers.md).
   */
  @Test
  void anotherProcessGivesTheSameBitsAndTheReferenceForAnyThreadCount() throws Exception {
    int all = Math.max(2, Runtime.getRuntime().availableProcessors());
    String once = fingerprint(all);
    assertTrue(once.contains("bits of nd4j") && once.contains("threads " + all), once);
    assertEquals(once, fingerprint(all));
    assertEquals(line(once, "bits of reference"), line(fingerprint(1), "bits of reference"));
  }

  private static String fingerprint(int threads) throws Exception {
    String number = String.valueOf(threads);
    return FreshJvm.run(
        Fingerprint.class, Map.of("OMP_NUM_THREADS", number, "OPENBLAS_NUM_THREADS", number));
  }

  private static String line(String printed, String start) {
    return printed.lines().filter(line -> line.startsWith(start)).findFirst().orElseThrow();
  }
}
