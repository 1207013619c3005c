package io.anchor4j.data;

import static com.google.common.base.Preconditions.checkArgument;

import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.util.Arrays;
import java.util.NoSuchElementException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.MultiDataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Minibatches of packed rows for a language model, all INT [B, T]:
 *
 * <ul>
 *   <li>features 0, tokens: token ids
 *   <li>features 1, documents: 0 an anchor, n &gt; 0 document n, -1 padding
 *   <li>features 2, positions: explicit ones, else by {@link Positions}
 *   <li>labels 0, targets: the id that each output must predict, -100 where none counts
 * </ul>
 *
 * <p>There are no mask arrays: documents and targets say what a mask would. B is the batch size,
 * but the last batch of an epoch may be smaller, unless the iterator is endless; T is the longest
 * row of the batch, and shorter ones are padded at their end (document -1, position 0, target
 * -100).
 *
 * <p>An epoch takes each row once, in order or shuffled by a permutation that depends on seed and
 * epoch alone. So {@link #cursor} is all there is to remember: {@link #seek} goes back to exactly
 * the batches that would have followed.
 *
 * <p>{@link #reset} begins the next epoch if any row of this one was taken, as DL4J's {@code fit}
 * does between epochs. An endless iterator goes on into the next epoch within a batch, always has a
 * next batch, and is no iterator for {@code fit}. Not to be used by several threads at once; DL4J's
 * asynchronous iterator reads ahead, so that this one's cursor then runs ahead of training.
 */
public final class PackedIterator implements MultiDataSetIterator {
  private static final long serialVersionUID = 1;

  private final transient PackedDataset dataset;
  private final int batchSize;
  private final boolean shuffle;
  private final long seed;
  private final Positions positions;
  private final BoundaryLabels boundaryLabels;
  private final int paddingId;
  private final boolean endless;

  private long epoch;
  private int row;
  private int[] order; // of this epoch, null until needed
  private transient MultiDataSetPreProcessor preProcessor;

  /**
   * A place between two rows.
   *
   * @param epoch number of the epoch, from 0
   * @param row how many rows of this epoch were taken
   */
  public record Cursor(long epoch, int row) {}

  private PackedIterator(Builder builder) {
    dataset = builder.dataset;
    batchSize = builder.batchSize;
    shuffle = builder.shuffle;
    seed = builder.seed;
    positions = builder.positions;
    boundaryLabels = builder.boundaryLabels;
    paddingId = builder.paddingId;
    endless = builder.endless;
  }

  /** Returns the place of the next row. */
  public Cursor cursor() {
    return new Cursor(epoch, row);
  }

  /**
   * Goes to a place, so that the next batch is the one that followed there.
   *
   * @throws IllegalArgumentException if the dataset has fewer rows than the cursor passed
   */
  public void seek(Cursor cursor) {
    checkArgument(
        cursor.epoch >= 0 && cursor.row >= 0 && cursor.row <= dataset.size(),
        "%s is no place in a dataset of %s rows: was it saved with other data?",
        cursor,
        dataset.size());
    epoch = cursor.epoch;
    row = cursor.row;
    order = null;
  }

  @Override
  public boolean hasNext() {
    return endless || row < dataset.size();
  }

  @Override
  public MultiDataSet next() {
    return next(batchSize);
  }

  /**
   * Returns the next {@code rows} rows, or those that are left of the epoch.
   *
   * @throws NoSuchElementException if none is left
   */
  @Override
  public MultiDataSet next(int rows) {
    checkArgument(rows > 0, "the number of rows must be above 0, got %s", rows);
    if (!hasNext()) {
      throw new NoSuchElementException(
          "epoch " + epoch + " is over after " + row + " rows: reset() begins the next one");
    }
    PackedRow[] batch = new PackedRow[endless ? rows : Math.min(rows, dataset.size() - row)];
    for (int b = 0; b < batch.length; b++) {
      batch[b] = nextRow();
    }
    MultiDataSet result = toMultiDataSet(batch);
    if (preProcessor != null) {
      preProcessor.preProcess(result);
    }
    return result;
  }

  private PackedRow nextRow() {
    if (row == dataset.size()) {
      reset(); // only an endless iterator comes here
    }
    if (!shuffle) {
      return dataset.row(row++);
    }
    if (order == null) {
      order = new SplitMix64(seed, epoch).permutation(dataset.size());
    }
    return dataset.row(order[row++]);
  }

  private MultiDataSet toMultiDataSet(PackedRow[] batch) {
    int tokens = Arrays.stream(batch).mapToInt(PackedRow::length).max().orElseThrow();
    int[][] features = new int[3][Math.multiplyExact(batch.length, tokens)];
    int[] targets = new int[features[0].length];
    for (int b = 0; b < batch.length; b++) {
      int start = b * tokens;
      put(batch[b].inputIds(), features[0], start, tokens, paddingId);
      put(batch[b].documentIds(), features[1], start, tokens, PackedRow.PADDING);
      put(batch[b].positions(positions), features[2], start, tokens, 0);
      put(batch[b].targets(boundaryLabels), targets, start, tokens, PackedRow.IGNORED);
    }
    long[] shape = {batch.length, tokens};
    INDArray[] inputs =
        Arrays.stream(features)
            .map(feature -> Nd4j.create(feature, shape, DataType.INT32))
            .toArray(INDArray[]::new);
    INDArray[] labels = {Nd4j.create(targets, shape, DataType.INT32)};
    return new org.nd4j.linalg.dataset.MultiDataSet(inputs, labels);
  }

  /** Copies a row into its place of [B * T] and fills what is left of it. */
  private static void put(int[] row, int[] batch, int start, int tokens, int filler) {
    System.arraycopy(row, 0, batch, start, row.length);
    Arrays.fill(batch, start + row.length, start + tokens, filler);
  }

  @Override
  public void reset() {
    if (row > 0) {
      epoch++;
      row = 0;
      order = null;
    }
  }

  @Override
  public boolean resetSupported() {
    return true;
  }

  @Override
  public boolean asyncSupported() {
    return true;
  }

  @Override
  public void setPreProcessor(MultiDataSetPreProcessor preProcessor) {
    this.preProcessor = preProcessor;
  }

  @Override
  public MultiDataSetPreProcessor getPreProcessor() {
    return preProcessor;
  }

  /** DL4J's interface is Serializable; the rows are not, and a cursor says where to go on. */
  private void writeObject(ObjectOutputStream out) throws NotSerializableException {
    throw new NotSerializableException("PackedIterator: keep its cursor() and seek() there");
  }

  /** Settings of a {@link PackedIterator}. */
  public static final class Builder {
    private final PackedDataset dataset;
    private int batchSize = 1;
    private boolean shuffle;
    private long seed;
    private Positions positions = Positions.CONTINUOUS;
    private BoundaryLabels boundaryLabels = BoundaryLabels.IGNORE;
    private int paddingId;
    private boolean endless;

    /** Begins with batches of one row, in order, with continuous positions. */
    public Builder(PackedDataset dataset) {
      this.dataset = dataset;
    }

    /** Sets the number of rows of a batch. */
    public Builder batchSize(int batchSize) {
      this.batchSize = batchSize;
      return this;
    }

    /** Shuffles each epoch anew, by a permutation that depends on {@code seed} and epoch. */
    public Builder shuffle(long seed) {
      this.shuffle = true;
      this.seed = seed;
      return this;
    }

    /** Sets how tokens of rows without explicit positions are numbered. */
    public Builder positions(Positions positions) {
      this.positions = positions;
      return this;
    }

    /** Sets whether a document's first token is predicted from the token before it. */
    public Builder boundaryLabels(BoundaryLabels boundaryLabels) {
      this.boundaryLabels = boundaryLabels;
      return this;
    }

    /** Sets the token id that fills rows shorter than the longest of their batch; 0 if not set. */
    public Builder paddingId(int paddingId) {
      this.paddingId = paddingId;
      return this;
    }

    /** Goes on from epoch to epoch without end, every batch full. */
    public Builder endless() {
      this.endless = true;
      return this;
    }

    /**
     * Returns the iterator, standing before the first row of epoch 0.
     *
     * @throws IllegalArgumentException if the batch size is below 1 or the padding id negative
     */
    public PackedIterator build() {
      checkArgument(batchSize > 0, "batchSize must be at least 1, got %s", batchSize);
      checkArgument(paddingId >= 0, "paddingId must be at least 0, got %s", paddingId);
      return new PackedIterator(this);
    }
  }
}
