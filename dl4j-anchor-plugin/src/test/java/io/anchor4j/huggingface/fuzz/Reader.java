package io.anchor4j.huggingface.fuzz;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;

/** A reader of files that others wrote, with good files of its own and a way to judge it. */
interface Reader {
  /**
   * Writes good files, and returns those to change.
   *
   * @throws IOException if they cannot be written
   */
  Path[] writeGoodFiles(Path directory) throws IOException;

  /**
   * Returns {@code good}, the content of one of the files, changed.
   *
   * @throws IOException if it is not what a good file holds
   */
  default byte[] mutate(Random random, byte[] good) throws IOException {
    return new Mutator(random).mutate(good);
  }

  /**
   * Reads the files, one of which was changed, and compares the result with what they hold.
   *
   * @throws IllegalArgumentException if a file is wrong
   * @throws IOException likewise
   * @throws AssertionError if what was read is not what the files hold
   */
  void readAndCompare(Path directory) throws IOException;
}
