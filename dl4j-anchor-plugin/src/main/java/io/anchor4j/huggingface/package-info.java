/**
 * Models in and out in Hugging Face's layout: a directory with config.json, safetensors weights and
 * tokenizer files.
 *
 * <p>{@link io.anchor4j.huggingface.HuggingFaceModel} loads such a directory into a DL4J network
 * and saves one. {@link io.anchor4j.huggingface.HuggingFaceConfig} is config.json, {@link
 * io.anchor4j.huggingface.LlamaWeights} the table of tensor names, {@link
 * io.anchor4j.huggingface.Tokenizer} the tokenizer. The family supported is Llama.
 */
package io.anchor4j.huggingface;
