/**
 * What is to be computed, described so that each contestant, in whatever language and process,
 * computes the same on the same numbers. {@link io.anchor4j.benchmarks.work.Work} is the root.
 */
package io.anchor4j.benchmarks.work;
