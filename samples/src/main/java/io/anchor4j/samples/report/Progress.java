package io.anchor4j.samples.report;

/** Shows how far a task has come and how long it will still take. */
public interface Progress extends AutoCloseable {
  /**
   * Says that {@code done} steps are done.
   *
   * @param figures what else to show, such as the loss; may be empty
   */
  void step(long done, String figures);

  /** Ends the display. */
  @Override
  void close();
}
