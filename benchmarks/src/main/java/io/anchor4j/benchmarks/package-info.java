/**
 * The speed of this project beside what a user would otherwise take, measured in one run: {@link
 * io.anchor4j.benchmarks.Benchmarks} is the program, {@link io.anchor4j.benchmarks.Suite} lists
 * what it compares, and {@link io.anchor4j.benchmarks.PairedRun} says how.
 */
package io.anchor4j.benchmarks;
