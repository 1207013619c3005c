package io.anchor4j.data;

import com.google.common.collect.AbstractIterator;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/**
 * Packs documents into rows of equal length.
 *
 * <p>Every row has exactly {@link PackingConfig#sequenceLength} tokens: anchors (document id 0),
 * documents (1, 2, ... in the order in which they begin), padding (-1). Documents are made uniform
 * first: where anchors are of the beginning-of-sequence id, one at a document's head is dropped, as
 * the anchor stands for it; an end-of-sequence id is added unless the document ends in one. Empty
 * documents are left out. A document longer than a row is cut, and each piece is a document of its
 * own in its row, with its own tag. Every token of every document stands in exactly one row.
 *
 * <p>With {@link PackingConfig#interleave}, documents of at least 64 tokens are cut into two or
 * three chunks at random places, and the chunks of all documents of the row are shuffled, each
 * document's chunks keeping their order and their one document id (the paper's interleaved chunks).
 * Where it can be, chunks of one document are kept apart by others.
 *
 * <p>Rows carry labels only where these are not the token ids: when there is a tag or more than one
 * anchor, the label of a tag, anchor or padding token is -100.
 *
 * <p>The same documents and settings give the same rows. Memory holds one window of documents
 * ({@link Packing#BEST_FIT}: 16 MiB, or 128 rows where that is more) or one row ({@link
 * Packing#WRAPPED}).
 *
 * @see <a href="https://arxiv.org/abs/2411.13476">AnchorAttention</a>
 */
public final class Packer {
  private final PackingConfig config;
  private final PackingCounts counts;

  /** A packer with these settings. */
  public Packer(PackingConfig config) {
    this.config = config;
    this.counts = new PackingCounts(config.sequenceLength());
  }

  /**
   * Returns the rows of the documents, made as they are asked for.
   *
   * @param documents token ids of each document; arrays are not changed
   */
  public Iterator<PackedRow> pack(Iterator<int[]> documents) {
    Iterator<int[]> uniform = uniform(documents);
    Iterator<List<Piece>> rows =
        switch (config.packing()) {
          case BEST_FIT -> new BestFitRows(uniform, config);
          case WRAPPED -> new WrappedRows(uniform, config);
        };
    return new AbstractIterator<>() {
      private long index;

      @Override
      protected PackedRow computeNext() {
        if (!rows.hasNext()) {
          return endOfData();
        }
        List<Piece> pieces = rows.next();
        PackedRow row = assemble(pieces, index++);
        counts.addRow(row, pieces);
        return row;
      }
    };
  }

  /** Returns what the packing came to, once all rows have been taken. */
  public PackingReport report() {
    return counts.report();
  }

  private Iterator<int[]> uniform(Iterator<int[]> documents) {
    return new AbstractIterator<>() {
      @Override
      protected int[] computeNext() {
        while (documents.hasNext()) {
          int[] document = uniform(documents.next());
          counts.addDocument(document.length);
          if (document.length > 0) {
            return document;
          }
        }
        return endOfData();
      }
    };
  }

  private int[] uniform(int[] document) {
    var begin = config.specialTokens().begin();
    var end = config.specialTokens().end();
    boolean dropBegin =
        config.anchorTokens() > 0
            && begin.isPresent()
            && begin.equals(config.specialTokens().anchor())
            && document.length > 0
            && document[0] == begin.getAsInt();
    int start = dropBegin ? 1 : 0;
    if (start == document.length) {
      return new int[0];
    }
    boolean addEnd = end.isPresent() && document[document.length - 1] != end.getAsInt();
    int[] uniform = Arrays.copyOfRange(document, start, document.length + (addEnd ? 1 : 0));
    if (addEnd) {
      uniform[uniform.length - 1] = end.getAsInt();
    }
    return uniform;
  }

  private PackedRow assemble(List<Piece> pieces, long index) {
    int anchors = config.anchorTokens();
    int[] ids = new int[config.sequenceLength()];
    int[] documents = new int[ids.length];
    int[] labels = new int[ids.length];
    Arrays.fill(ids, config.specialTokens().paddingId());
    Arrays.fill(documents, PackedRow.PADDING);
    Arrays.fill(labels, PackedRow.IGNORED);
    if (anchors > 0) {
      Arrays.fill(ids, 0, anchors, config.specialTokens().anchorId());
      Arrays.fill(documents, 0, anchors, PackedRow.ANCHOR);
    }
    List<Chunk> chunks =
        config.interleave()
            ? Chunk.interleaved(pieces, new SplitMix64(config.seed(), index))
            : Chunk.inOrder(pieces);
    int[] number = new int[pieces.size()];
    int numbered = 0;
    int t = anchors;
    for (Chunk chunk : chunks) {
      Piece piece = pieces.get(chunk.piece());
      if (number[chunk.piece()] == 0) {
        number[chunk.piece()] = ++numbered;
      }
      int length = chunk.end() - chunk.start();
      System.arraycopy(piece.tokens, chunk.start(), ids, t, length);
      Arrays.fill(documents, t, t + length, number[chunk.piece()]);
      int tagged = Math.max(0, Math.min(length, piece.tagTokens - chunk.start()));
      System.arraycopy(ids, t + tagged, labels, t + tagged, length - tagged);
      t += length;
    }
    boolean labelsAreIds = anchors <= 1 && config.documentTag().isEmpty();
    return new PackedRow(ids, documents, null, labelsAreIds ? null : labels);
  }
}
