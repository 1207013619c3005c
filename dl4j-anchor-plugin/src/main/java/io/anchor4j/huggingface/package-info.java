/**
 * Models in and out in Hugging Face's layout: a directory with config.json, safetensors weights and
 * tokenizer files.
 *
 * <p>{@link io.anchor4j.huggingface.Tokenizer} is the tokenizer.
 */
package io.anchor4j.huggingface;
