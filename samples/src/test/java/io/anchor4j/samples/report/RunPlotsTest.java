package io.anchor4j.samples.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.training.StepMetrics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunPlotsTest {
  @TempDir Path directory;

  /** A run that looks like one: a falling loss with noise, a cosine rate, a jumpy norm. */
  static RunMetrics run(String name, int count, double end, long seed) {
    var random = new Random(seed);
    var steps = new ArrayList<StepMetrics>();
    var validations = new ArrayList<RunMetrics.Validation>();
    for (int step = 1; step <= count; step++) {
      double done = (double) step / count;
      double loss = end + (7.6 - end) * Math.exp(-6 * done) + 0.15 * random.nextGaussian();
      double rate = 3e-4 * Math.min(1, step / 20.0) * (0.55 + 0.45 * Math.cos(Math.PI * done));
      double norm = 0.6 + 3 * Math.exp(-20 * done) + 0.1 * Math.abs(random.nextGaussian());
      double speed = 9000 + 300 * random.nextGaussian();
      steps.add(new StepMetrics(step, loss, rate, norm, speed, step * 0.4));
      if (step % (count / 5) == 0) {
        validations.add(new RunMetrics.Validation(step, loss + 0.2));
      }
    }
    return new RunMetrics(name, Path.of("runs", name), steps, validations);
  }

  @Test
  void eachPictureIsAPngWithEveryRunsColour() throws IOException {
    List<RunMetrics> runs = List.of(run("full", 300, 2.6, 1), run("anchor", 3000, 2.4, 2));
    List<Path> pictures = RunPlots.write(runs, directory);
    assertEquals(
        List.of("loss.png", "learning-rate.png", "gradient-norm.png", "tokens-per-second.png"),
        pictures.stream().map(p -> p.getFileName().toString()).toList());
    for (Path picture : pictures) {
      var image = ImageIO.read(picture.toFile());
      int[] pixels =
          image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
      for (int colour : new int[] {0xFF0072B2, 0xFFD55E00}) {
        long count = java.util.Arrays.stream(pixels).filter(pixel -> pixel == colour).count();
        assertTrue(count > 200, picture + " shows " + count + " pixels of one run");
      }
    }
  }

  @Test
  void aRunOfOneStepIsDrawn() throws IOException {
    var step = new StepMetrics(1, 7.6, 0, 1, 100, 1);
    var run = new RunMetrics("short", Path.of("short"), List.of(step), List.of());
    assertEquals(4, RunPlots.write(List.of(run, run), directory).size());
  }
}
