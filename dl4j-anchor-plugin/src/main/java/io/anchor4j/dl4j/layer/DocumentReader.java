package io.anchor4j.dl4j.layer;

import org.nd4j.linalg.api.ndarray.INDArray;

/** A running layer that takes documents from elsewhere than its features mask. */
public interface DocumentReader {
  /**
   * Sets the documents of the next forward pass and of its gradient. What a features mask hides
   * stays hidden.
   *
   * @param documents INT [B, T]: 0 anchor, n document n, -1 padding
   * @param positions INT [B, T], or null to number tokens as the layer is configured
   */
  void setDocuments(INDArray documents, INDArray positions);
}
