/** JMH benchmarks of our own ops, for work on them: {@code benchmarks/jmh} runs them. */
package io.anchor4j.benchmarks.jmh;
