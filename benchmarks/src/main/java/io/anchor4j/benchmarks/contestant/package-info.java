/**
 * Who computes: this project's ops in this process, stock DL4J in this process, PyTorch and the
 * bare kernel in processes of their own. {@link io.anchor4j.benchmarks.contestant.Contestant} is
 * what they share.
 */
package io.anchor4j.benchmarks.contestant;
