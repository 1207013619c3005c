/**
 * A large model, loaded and fine-tuned by adapters, beside transformers and PEFT: {@link
 * io.anchor4j.benchmarks.lora.LoraBenchmark}.
 */
package io.anchor4j.benchmarks.lora;
