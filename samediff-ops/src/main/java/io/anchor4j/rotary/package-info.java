/**
 * Rotary position embedding: what is rotated, by which angles, stretched how for longer contexts.
 *
 * <p>{@link io.anchor4j.rotary.RotaryConfig} is the entry: base, pairing, rotated dimensions and
 * {@link io.anchor4j.rotary.RotaryScaling}. {@link io.anchor4j.rotary.RotaryAngles} turns a
 * configuration and integer positions into sines and cosines, in double; nothing here is ever
 * rounded to bfloat16.
 */
package io.anchor4j.rotary;
