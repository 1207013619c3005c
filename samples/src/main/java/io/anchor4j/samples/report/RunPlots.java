package io.anchor4j.samples.report;

import io.anchor4j.training.StepMetrics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** The pictures of one run, or of several laid over each other. */
public final class RunPlots {
  private RunPlots() {}

  /** Draws loss, learning rate, gradient norm and speed into {@code directory}. */
  public static List<Path> write(List<RunMetrics> runs, Path directory) throws IOException {
    List<String> names = names(runs);
    return List.of(
        loss(runs, names).save(directory.resolve("loss.png")),
        curves(
                runs,
                names,
                "Learning rate",
                "learning rate, in millionths",
                step -> 1e6 * step.learningRate(),
                false)
            .yFromZero()
            .save(directory.resolve("learning-rate.png")),
        curves(
                runs,
                names,
                "Gradient norm before clipping",
                "global L2 norm",
                StepMetrics::gradientNorm,
                true)
            .yFromZero()
            .save(directory.resolve("gradient-norm.png")),
        curves(
                runs,
                names,
                "Training speed",
                "tokens per second",
                StepMetrics::tokensPerSecond,
                true)
            .yFromZero()
            .yPattern("#,##0")
            .legendAtBottomRight()
            .save(directory.resolve("tokens-per-second.png")));
  }

  private static Chart loss(List<RunMetrics> runs, List<String> names) {
    Chart chart =
        curves(runs, names, "Training loss", "loss (nats per token)", StepMetrics::loss, true);
    for (int run = 0; run < runs.size(); run++) {
      List<RunMetrics.Validation> validations = runs.get(run).validations();
      if (!validations.isEmpty()) {
        chart.dashed(
            names.get(run) + ", validation",
            run,
            validations.stream().mapToDouble(RunMetrics.Validation::step).toArray(),
            validations.stream().mapToDouble(RunMetrics.Validation::loss).toArray());
      }
    }
    return chart;
  }

  private static Chart curves(
      List<RunMetrics> runs,
      List<String> names,
      String title,
      String yTitle,
      ToDoubleFunction<StepMetrics> value,
      boolean smooth) {
    long last =
        runs.stream().flatMap(r -> r.steps().stream()).mapToLong(StepMetrics::step).max().orElse(1);
    Chart chart = new Chart(title, "optimizer step", yTitle).xUpTo((double) last);
    for (int run = 0; run < runs.size(); run++) { // all pale lines first: they lie beneath
      if (smooth) {
        Curve raw = Curve.of(runs.get(run), value);
        Curve thin = raw.thinned();
        chart.background(names.get(run) + " (each step)", run, thin.x(), thin.y());
      }
    }
    for (int run = 0; run < runs.size(); run++) {
      Curve raw = Curve.of(runs.get(run), value);
      Curve shown = (smooth ? raw.smoothed() : raw).thinned();
      chart.line(names.get(run), run, runs.size(), shown.x(), shown.y());
    }
    return chart;
  }

  /** Legend names: the directories' own, with their parents where two are alike. */
  private static List<String> names(List<RunMetrics> runs) {
    var names = new LinkedHashSet<String>();
    for (RunMetrics run : runs) {
      boolean alone = runs.stream().filter(r -> r.name().equals(run.name())).count() == 1;
      Path parent = run.directory().getParent();
      String name = alone || parent == null ? run.name() : parent.getFileName() + "/" + run.name();
      while (!names.add(name)) { // the same run twice
        name += "'";
      }
    }
    return new ArrayList<>(names);
  }

  @SuppressWarnings("ArrayRecordComponent") // two columns for the chart, never compared
  private record Curve(double[] x, double[] y) {
    /** More points than a picture has columns cost time and show nothing. */
    private static final int MOST_POINTS = 1000;

    static Curve of(RunMetrics run, ToDoubleFunction<StepMetrics> value) {
      return new Curve(
          run.steps().stream().mapToDouble(StepMetrics::step).toArray(),
          run.steps().stream().mapToDouble(value).toArray());
    }

    Curve smoothed() {
      return new Curve(x, Smoothing.exponential(y));
    }

    Curve thinned() {
      if (x.length <= MOST_POINTS) {
        return this;
      }
      var thinX = new double[MOST_POINTS];
      var thinY = new double[MOST_POINTS];
      for (int i = 0; i < MOST_POINTS; i++) {
        int index = (int) ((long) i * (x.length - 1) / (MOST_POINTS - 1));
        thinX[i] = x[index];
        thinY[i] = y[index];
      }
      return new Curve(thinX, thinY);
    }
  }
}
