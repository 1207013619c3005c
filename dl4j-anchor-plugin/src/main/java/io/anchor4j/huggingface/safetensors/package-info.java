/**
 * Reading and writing safetensors files, the format of Hugging Face's weights.
 *
 * <p>A file is eight bytes with the length of a JSON header (little endian), the header, and the
 * tensors' bytes one after the other without gaps (little endian, row-major). The header maps each
 * tensor's name to {@code {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}, offsets
 * counted from the header's end; {@code __metadata__} holds free strings. A large model is split
 * into several such files beside a {@code model.safetensors.index.json}.
 *
 * <p>Start at {@link io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint} to read a model's
 * directory, {@link io.anchor4j.huggingface.safetensors.SafetensorsFile} for one file, and {@link
 * io.anchor4j.huggingface.safetensors.SafetensorsWriter} to write. Files are taken for untrusted:
 * every way in which one can be wrong ends in a {@link
 * io.anchor4j.huggingface.safetensors.SafetensorsException} before anything of its size is
 * allocated.
 *
 * @see <a href="https://github.com/huggingface/safetensors">the format</a>
 */
package io.anchor4j.huggingface.safetensors;
