/**
 * What a config.json of Hugging Face means for each family of models.
 *
 * <p>{@link io.anchor4j.huggingface.family.ModelFamily} is the entry: one small class a family says
 * its defaults, its keys, what its blocks are and what it writes back. {@link
 * io.anchor4j.huggingface.family.RopeParameters} is the rotary embedding in both layouts.
 */
package io.anchor4j.huggingface.family;
