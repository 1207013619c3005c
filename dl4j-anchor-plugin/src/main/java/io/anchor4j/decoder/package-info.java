/**
 * A decoder-only language model of Llama's kind as a DL4J ComputationGraph.
 *
 * <p>Start at {@link io.anchor4j.decoder.Decoder}. {@link io.anchor4j.decoder.DecoderConfig} says
 * how large it is, {@link io.anchor4j.decoder.DecoderBlock} adds one block to any graph, and {@link
 * io.anchor4j.decoder.DecodingSession} reads rows step by step with a key/value cache.
 *
 * <p>Letters for shapes: B batch, T tokens, C hidden size, F intermediate size, H heads, Hkv
 * key/value heads, D head dimension, V vocabulary size.
 */
package io.anchor4j.decoder;
