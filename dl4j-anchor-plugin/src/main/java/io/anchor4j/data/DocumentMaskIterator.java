package io.anchor4j.data;

import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.DataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * Adds documents to the batches of another iterator, for a MultiLayerNetwork: as a features mask
 * INT [B, T] of 0 for padding, 1 for an anchor, n + 1 for document n, which is what {@link
 * io.anchor4j.dl4j.layer.AnchorAttentionLayer} reads.
 *
 * <p>A batch's own features mask says what is padding. Labels that are sequences [B, C, T] and have
 * no mask get it as theirs, since DL4J would otherwise weight losses by document numbers.
 *
 * <p>Not to be used by several threads at once.
 */
public final class DocumentMaskIterator implements DataSetIterator {
  private static final long serialVersionUID = 1L;

  private final DataSetIterator source;
  private final BatchDocuments documents;

  /** Begins where {@code source} begins; without anchors. */
  public DocumentMaskIterator(DataSetIterator source, DocumentBorders borders) {
    this(source, borders, 0);
  }

  /**
   * @param source standing at its first row
   * @param borders where its rows' documents end
   * @param anchors how many leading tokens of each row are anchors
   * @throws IllegalArgumentException if {@code anchors} is negative
   */
  public DocumentMaskIterator(DataSetIterator source, DocumentBorders borders, int anchors) {
    this.source = source;
    documents = new BatchDocuments(borders, anchors);
  }

  private DataSet withDocuments(DataSet batch) {
    INDArray mask = batch.getFeaturesMaskArray();
    int[][] ids = documents.of(batch.getFeatures(), mask);
    int[][] numbers =
        Arrays.stream(ids)
            .map(row -> Arrays.stream(row).map(id -> id + 1).toArray())
            .toArray(int[][]::new);
    INDArray numbered = BatchDocuments.array(numbers);
    INDArray labels = batch.getLabels();
    INDArray labelsMask = batch.getLabelsMaskArray();
    if (labels != null && labels.rank() == 3 && labelsMask == null) {
      labelsMask = numbered.gt(0).castTo(labels.dataType());
    }
    // A new one: the source may hand out its own again in the next epoch.
    var result = new DataSet(batch.getFeatures(), labels, numbered, labelsMask);
    result.setExampleMetaData(batch.getExampleMetaData());
    return result;
  }

  @Override
  public boolean hasNext() {
    return source.hasNext();
  }

  /**
   * @throws IllegalArgumentException if the features are no sequences, or borders do not fit them
   */
  @Override
  public DataSet next() {
    return withDocuments(source.next());
  }

  @Override
  public DataSet next(int rows) {
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

  @Override
  public int inputColumns() {
    return source.inputColumns();
  }

  @Override
  public int totalOutcomes() {
    return source.totalOutcomes();
  }

  @Override
  public int batch() {
    return source.batch();
  }

  @Override
  public List<String> getLabels() {
    return source.getLabels();
  }

  /** Sets what happens to a batch before its documents are found. */
  @Override
  public void setPreProcessor(DataSetPreProcessor preProcessor) {
    source.setPreProcessor(preProcessor);
  }

  @Override
  public DataSetPreProcessor getPreProcessor() {
    return source.getPreProcessor();
  }
}
