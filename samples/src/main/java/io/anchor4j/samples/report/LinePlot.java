package io.anchor4j.samples.report;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A picture of a few marked curves of values above 0, on a logarithmic axis. */
public final class LinePlot {
  /**
   * One curve.
   *
   * @param name for the legend
   * @param x as many as {@code y}
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Curve(String name, double[] x, double[] y) {}

  private LinePlot() {}

  /** Draws the curves over x from 0 to {@code lastX}. */
  public static Path save(
      String title, String xTitle, String yTitle, double lastX, List<Curve> curves, Path file)
      throws IOException {
    Chart chart =
        new Chart(title, xTitle, yTitle)
            .xUpTo(lastX)
            .yLogarithmic()
            .yPattern("#,##0")
            .legendAtTopLeft();
    for (int i = 0; i < curves.size(); i++) {
      chart.marked(curves.get(i).name(), i, curves.size(), curves.get(i).x(), curves.get(i).y());
    }
    return chart.save(file);
  }
}
