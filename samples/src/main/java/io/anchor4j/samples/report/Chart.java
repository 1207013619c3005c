package io.anchor4j.samples.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Path;
import org.knowm.xchart.ChartEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** A line chart in this project's style: large type, thin grid, colours all eyes tell apart. */
final class Chart {
  /** Okabe and Ito's palette, without its yellow: too pale for a line on white. */
  private static final Color[] COLOURS = {
    new Color(0x0072B2),
    new Color(0xD55E00),
    new Color(0x009E73),
    new Color(0xCC79A7),
    new Color(0x56B4E9),
    new Color(0xE69F00),
    new Color(0x000000),
  };

  private static final int WIDTH = 1100;
  private static final int HEIGHT = 640;

  private final XYChart chart;

  Chart(String title, String xTitle, String yTitle) {
    chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(xTitle)
            .yAxisTitle(yTitle)
            .build();
    var style = chart.getStyler();
    style.setChartBackgroundColor(Color.WHITE);
    style.setPlotBackgroundColor(Color.WHITE);
    style.setPlotBorderVisible(false);
    style.setPlotGridLinesColor(new Color(0xE4E4E4));
    style.setPlotGridLinesStroke(new BasicStroke(1f));
    style.setChartTitleBoxVisible(false);
    style.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 20));
    style.setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 16));
    style.setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 14));
    style.setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 14));
    style.setLegendPosition(LegendPosition.InsideNE);
    style.setLegendBorderColor(new Color(0xCCCCCC));
    style.setXAxisDecimalPattern("#,##0");
    style.setXAxisTickMarkSpacingHint(110);
    style.setYAxisTickMarkSpacingHint(60);
  }

  /** Adds a line in the colour of run {@code run} of {@code runs}. */
  Chart line(String name, int run, int runs, double[] x, double[] y) {
    series(name, x, y, width(run, runs), colour(run));
    return this;
  }

  /** Lines that may coincide are drawn ever thinner over each other, so that each stays visible. */
  private static float width(int run, int runs) {
    return 2f + 1.5f * Math.min(3, runs - 1 - run);
  }

  /** Adds a thin pale line that the legend leaves out: the raw values under a smooth line. */
  Chart background(String name, int run, double[] x, double[] y) {
    Color colour = colour(run);
    var pale = new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), 70);
    series(name, x, y, 1f, pale).setShowInLegend(false);
    return this;
  }

  /** Adds a line with a mark at each point. */
  Chart marked(String name, int run, int runs, double[] x, double[] y) {
    XYSeries series = series(name, x, y, width(run, runs), colour(run));
    series.setMarker(SeriesMarkers.CIRCLE);
    series.setMarkerColor(colour(run));
    return this;
  }

  /** Adds a dashed line with a mark at each point, for a second curve of a run. */
  Chart dashed(String name, int run, double[] x, double[] y) {
    XYSeries series = series(name, x, y, 1.5f, colour(run));
    series.setMarker(SeriesMarkers.CIRCLE);
    series.setMarkerColor(colour(run));
    series.setLineStyle(
        new BasicStroke(
            1.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1f, new float[] {6}, 0));
    return this;
  }

  /** Shows x from 0 to {@code last}. */
  Chart xUpTo(double last) {
    chart.getStyler().setXAxisMin(0.0);
    // Half a step more: when all x are equally spaced, XChart 4.0.3 marks every n-th of them
    // (9, 18, 27) and not round numbers.
    chart.getStyler().setXAxisMax(last + 0.5);
    return this;
  }

  Chart yPattern(String pattern) {
    chart.getStyler().setYAxisDecimalPattern(pattern);
    return this;
  }

  Chart yFromZero() {
    chart.getStyler().setYAxisMin(0.0);
    return this;
  }

  Chart legendAtBottomRight() {
    chart.getStyler().setLegendPosition(LegendPosition.InsideSE);
    return this;
  }

  /** Spreads small values out; all must be above 0. */
  Chart yLogarithmic() {
    chart.getStyler().setYAxisLogarithmic(true);
    chart.getStyler().setYAxisLogarithmicDecadeOnly(false);
    return this;
  }

  Chart legendAtTopLeft() {
    chart.getStyler().setLegendPosition(LegendPosition.InsideNW);
    return this;
  }

  /** Draws the chart as a PNG. */
  Path save(Path file) throws IOException {
    try {
      OutputFile.write(file, out -> ChartEncoder.saveChart(chart, out, "png"));
    } catch (InternalError | LinkageError e) {
      // What Java throws for text on a machine without fontconfig or without any font.
      throw new IOException(
          "cannot draw "
              + file
              + ": Java finds no fonts; install fontconfig and a font package such as"
              + " fonts-dejavu-core",
          e);
    }
    return file;
  }

  private XYSeries series(String name, double[] x, double[] y, float width, Color colour) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setMarker(SeriesMarkers.NONE);
    series.setLineColor(colour);
    series.setLineStyle(new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
    return series;
  }

  private static Color colour(int run) {
    return COLOURS[run % COLOURS.length];
  }
}
