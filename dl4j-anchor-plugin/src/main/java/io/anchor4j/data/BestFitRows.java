package io.anchor4j.data;

import com.google.common.collect.AbstractIterator;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Fills rows by best-fit decreasing: the longest piece first, each into the fullest row that still
 * holds it.
 *
 * <p>The whole set would have to be in memory for that, so it is done for one window of documents
 * after another: 128 rows, or 4M tokens (16 MiB) where that is more. A window closes all its rows,
 * which costs at most about one half-empty row in 128.
 *
 * <p>Rows come out, and documents stand in their row, in the order of the input. In the order of
 * placing, long documents would always stand at the head of a row and of training, and late
 * positions would be learnt from short documents alone.
 */
final class BestFitRows extends AbstractIterator<List<Piece>> {
  private static final int WINDOW_TOKENS = 1 << 22;
  private static final int WINDOW_ROWS = 128;

  private final Iterator<int[]> documents;
  private final PackingConfig config;
  private Iterator<List<Piece>> closed = List.<List<Piece>>of().iterator();

  BestFitRows(Iterator<int[]> documents, PackingConfig config) {
    this.documents = documents;
    this.config = config;
  }

  @Override
  protected List<Piece> computeNext() {
    if (!closed.hasNext()) {
      closed = pack(nextWindow()).iterator();
    }
    return closed.hasNext() ? closed.next() : endOfData();
  }

  /** Returns documents of a window, those longer than a row cut into full rows and a rest. */
  private List<Piece> nextWindow() {
    long window = Math.max(WINDOW_TOKENS, (long) WINDOW_ROWS * config.sequenceLength());
    int most = config.capacity() - config.documentTag().length();
    List<Piece> pieces = new ArrayList<>();
    long tokens = 0;
    while (tokens < window && documents.hasNext()) {
      int[] document = documents.next();
      for (int start = 0; start < document.length; start += most) {
        int end = Math.min(document.length, start + most);
        pieces.add(new Piece(document, start, end, config.documentTag()));
      }
      tokens += document.length;
    }
    return pieces;
  }

  private List<List<Piece>> pack(List<Piece> pieces) {
    List<List<Integer>> rows = new ArrayList<>();
    TreeMap<Integer, Deque<Integer>> rowsByRoom = new TreeMap<>();
    Comparator<Integer> longestFirst = Comparator.comparing(i -> -pieces.get(i).length());
    // The sort is stable and the queues first in, first out: the same input gives the same rows.
    for (int i : IntStream.range(0, pieces.size()).boxed().sorted(longestFirst).toList()) {
      int length = pieces.get(i).length();
      var fullest = rowsByRoom.ceilingEntry(length);
      int row;
      int room;
      if (fullest == null) {
        row = rows.size();
        room = config.capacity();
        rows.add(new ArrayList<>());
      } else {
        row = fullest.getValue().remove();
        room = fullest.getKey();
        if (fullest.getValue().isEmpty()) {
          rowsByRoom.remove(room);
        }
      }
      rows.get(row).add(i);
      rowsByRoom.computeIfAbsent(room - length, r -> new ArrayDeque<>()).add(row);
    }
    rows.forEach(row -> row.sort(null));
    rows.sort(Comparator.comparing(row -> row.get(0)));
    return rows.stream().map(row -> row.stream().map(pieces::get).toList()).toList();
  }
}
