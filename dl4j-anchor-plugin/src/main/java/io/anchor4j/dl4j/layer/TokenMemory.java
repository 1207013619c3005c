package io.anchor4j.dl4j.layer;

/**
 * Elements that a layer needs for a token beside its output, for the memory report.
 *
 * @param inference in use while the layer runs forward for inference
 * @param kept from the forward pass of training until the layer's backward pass
 * @param backward in use while the layer runs backward, the gradient of its input aside
 */
record TokenMemory(long inference, long kept, long backward) {
  static final TokenMemory NONE = new TokenMemory(0, 0, 0);
}
