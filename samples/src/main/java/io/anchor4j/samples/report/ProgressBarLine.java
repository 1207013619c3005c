package io.anchor4j.samples.report;

import java.time.Duration;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress for a terminal: one line, redrawn. */
final class ProgressBarLine implements Progress {
  private static final int WIDTH = 100;

  private final Console console;
  private final ProgressBar bar;

  ProgressBarLine(Console console, String task, long done, long steps) {
    this.console = console;
    bar =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(steps)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(250)
            .setMaxRenderedLength(WIDTH)
            .setConsumer(
                new DelegatingProgressBarConsumer(
                    line -> {
                      console.err().print("\r" + line);
                      console.err().flush();
                    },
                    WIDTH))
            .startsFrom(done, Duration.ZERO)
            .build();
  }

  @Override
  public void step(long done, String figures) {
    bar.stepTo(done);
    bar.setExtraMessage(figures);
  }

  @Override
  public void close() {
    bar.close();
    console.err().println(); // the bar leaves the cursor on its own line
  }
}
