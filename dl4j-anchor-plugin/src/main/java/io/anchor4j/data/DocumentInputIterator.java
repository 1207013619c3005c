package io.anchor4j.data;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.MultiDataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/**
 * Adds documents to the batches of another iterator, for a ComputationGraph: as two more inputs
 * behind its own, documents INT [B, T] (0 an anchor, n document n, -1 padding) and positions INT
 * [B, T], which is what {@link io.anchor4j.dl4j.vertex.AnchorAttentionVertex} reads.
 *
 * <p>Masks stay as they are; that of the tokens says what is padding. Not to be used by several
 * threads at once.
 */
public final class DocumentInputIterator implements MultiDataSetIterator {
  private static final long serialVersionUID = 1L;

  private final MultiDataSetIterator source;
  private final BatchDocuments documents;
  private final Positions positions;

  /** Begins where {@code source} begins; without anchors, with continuous positions. */
  public DocumentInputIterator(MultiDataSetIterator source, DocumentBorders borders) {
    this(source, borders, 0, Positions.CONTINUOUS);
  }

  /**
   * @param source standing at its first row. Its first features are the tokens: ids [B, T] or
   *     sequences [B, C, T]
   * @param borders where its rows' documents end
   * @param anchors how many leading tokens of each row are anchors
   * @param positions how tokens are numbered
   * @throws IllegalArgumentException if {@code anchors} is negative
   */
  public DocumentInputIterator(
      MultiDataSetIterator source, DocumentBorders borders, int anchors, Positions positions) {
    this.source = source;
    this.positions = positions;
    documents = new BatchDocuments(borders, anchors);
  }

  private MultiDataSet withDocuments(MultiDataSet batch) {
    INDArray[] features = batch.getFeatures();
    INDArray[] masks = batch.getFeaturesMaskArrays();
    int[][] ids = documents.of(features[0], masks == null ? null : masks[0]);
    INDArray[] inputs = Arrays.copyOf(features, features.length + 2);
    inputs[features.length] = BatchDocuments.array(ids);
    inputs[features.length + 1] =
        BatchDocuments.array(Arrays.stream(ids).map(positions::of).toArray(int[][]::new));
    return new org.nd4j.linalg.dataset.MultiDataSet(
        inputs,
        batch.getLabels(),
        masks == null ? null : Arrays.copyOf(masks, inputs.length),
        batch.getLabelsMaskArrays());
  }

  @Override
  public boolean hasNext() {
    return source.hasNext();
  }

  /**
   * @throws IllegalArgumentException if the features are no sequences, or borders do not fit them
   */
  @Override
  public MultiDataSet next() {
    return withDocuments(source.next());
  }

  @Override
  public MultiDataSet next(int rows) {
    return withDocuments(source.next(rows));
  }

  @Override
  public void reset() {
    source.reset();
    documents.reset();
  }

  @Override
  public boolean resetSupported() {
    return source.resetSupported();
  }

  @Override
  public boolean asyncSupported() {
    return source.asyncSupported();
  }

  /** Sets what happens to a batch before its documents are found. */
  @Override
  public void setPreProcessor(MultiDataSetPreProcessor preProcessor) {
    source.setPreProcessor(preProcessor);
  }

  @Override
  public MultiDataSetPreProcessor getPreProcessor() {
    return source.getPreProcessor();
  }
}
