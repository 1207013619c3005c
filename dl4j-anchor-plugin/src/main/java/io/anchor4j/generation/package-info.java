/**
 * Text from a decoder, token by token.
 *
 * <p>Start at {@link io.anchor4j.generation.Generator}, which continues a batch of prompts. {@link
 * io.anchor4j.generation.GenerationConfig} says how long and how tokens are chosen, {@link
 * io.anchor4j.generation.Sampler} chooses one, {@link io.anchor4j.generation.TokenListener} hears
 * of each as it comes.
 */
package io.anchor4j.generation;
