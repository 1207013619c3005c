package io.anchor4j.benchmarks.work;

import io.anchor4j.attention.Precision;

/** One computation. Its components, as JSON, are what other processes are told. */
public sealed interface Work
    permits AdamWWork, AttentionWork, GatedSiluWork, LinearWork, RmsNormWork, TrainingWork {

  /**
   * Returns the floating-point operations of the products that are needed, for attention those of
   * visible pairs only; 0 where there are none to speak of.
   */
  double operations();

  /**
   * Returns what the numbers are rounded to, which is how closely results can be expected to agree.
   */
  Precision precision();

  /** Returns the tokens that go through, what a rate of a training step is counted in. */
  long totalTokens();

  /** Returns the sizes, as a table shows them. */
  String label();
}
