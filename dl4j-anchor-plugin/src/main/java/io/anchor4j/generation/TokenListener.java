package io.anchor4j.generation;

/** Hears of every new token as it is chosen. */
@FunctionalInterface
public interface TokenListener {
  /**
   * A token was chosen.
   *
   * @param row the prompt it continues, from 0
   * @param id the token
   */
  void onToken(int row, int id);
}
