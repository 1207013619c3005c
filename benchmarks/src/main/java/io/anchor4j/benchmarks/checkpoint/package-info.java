/**
 * Whole models on files that both sides read: fine-tuned by adapters beside transformers and PEFT,
 * {@link io.anchor4j.benchmarks.checkpoint.LoraBenchmark}, and generating beside transformers,
 * {@link io.anchor4j.benchmarks.checkpoint.GenerateBenchmark}.
 */
package io.anchor4j.benchmarks.checkpoint;
