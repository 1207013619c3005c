/**
 * Models in and out in Hugging Face's layout: a directory with config.json, safetensors weights and
 * tokenizer files.
 *
 * <p>{@link io.anchor4j.huggingface.HuggingFaceModel} loads such a directory into a DL4J network
 * and saves one. {@link io.anchor4j.huggingface.HuggingFaceConfig} is config.json, {@link
 * io.anchor4j.huggingface.DecoderTensors} the table of tensor names, {@link
 * io.anchor4j.huggingface.tokenizer.Tokenizer} the tokenizer, {@link
 * io.anchor4j.huggingface.PeftAdapter} an adapter on a model. Which families there are is in {@link
 * io.anchor4j.huggingface.family}.
 */
package io.anchor4j.huggingface;
