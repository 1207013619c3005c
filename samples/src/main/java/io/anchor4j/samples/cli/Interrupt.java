package io.anchor4j.samples.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns Ctrl-C into a question that work can ask between two steps, and holds the process until the
 * work has come to a good end.
 */
final class Interrupt implements AutoCloseable {
  /** Long enough for a step and a checkpoint, short enough for someone who really wants out. */
  private static final long PATIENCE_SECONDS = 60;

  private final CountDownLatch done = new CountDownLatch(1);
  private final Thread hook = new Thread(this::await, "finish the step");
  private volatile boolean requested;

  Interrupt() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** Returns whether the process was asked to end. */
  boolean requested() {
    return requested;
  }

  private void await() {
    requested = true;
    try {
      if (!done.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        System.err.println("anchor4j: the step did not end in time; no checkpoint was saved");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Says that the work has ended, well or badly. */
  @Override
  public void close() {
    done.countDown();
    if (!requested) {
      Runtime.getRuntime().removeShutdownHook(hook);
    }
  }
}
