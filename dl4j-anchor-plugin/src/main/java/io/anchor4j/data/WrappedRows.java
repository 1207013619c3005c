package io.anchor4j.data;

import com.google.common.collect.AbstractIterator;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** Fills rows with one document after another, cutting a document where its row ends. */
final class WrappedRows extends AbstractIterator<List<Piece>> {
  private final Iterator<int[]> documents;
  private final PackingConfig config;
  private int[] document = new int[0];
  private int taken;

  WrappedRows(Iterator<int[]> documents, PackingConfig config) {
    this.documents = documents;
    this.config = config;
  }

  @Override
  protected List<Piece> computeNext() {
    List<Piece> row = new ArrayList<>();
    int room = config.capacity();
    while (taken < document.length || documents.hasNext()) {
      if (taken == document.length) {
        document = documents.next();
        taken = 0;
      }
      int count = Math.min(room - config.documentTag().length(), document.length - taken);
      if (count <= 0) {
        // No room for the tag and one token: what is left of the row becomes padding.
        break;
      }
      Piece piece = new Piece(document, taken, taken + count, config.documentTag());
      row.add(piece);
      room -= piece.length();
      taken += count;
    }
    return row.isEmpty() ? endOfData() : row;
  }
}
