package io.anchor4j.attention;

import com.google.common.primitives.ImmutableIntArray;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The mask of one row in a size that grows with T, not with T x T.
 *
 * <p>{@link #tokens()} lists the row's tokens document by document (anchors first, then documents
 * in order of their first token, ascending within each; padding left out), so that whatever the
 * order of ids in the row, each {@link Document} is one span of that list and sees nothing outside
 * its own span but the anchors. A kernel that gathers its operands in this order does no work
 * between documents at all.
 *
 * <p>Under {@link AttentionMask#FULL} all tokens form one document. Causality and the window go by
 * the tokens' places in the row, which {@link #tokens()} keeps.
 */
public final class DocumentMask {

  /** What a kernel has to do for a tile of queries x keys. */
  public enum Tile {
    /** No query sees any key: skip. */
    EMPTY,
    /** Every query sees every key: no mask needed. */
    FULL,
    /** Ask {@link DocumentMask#visible} pair by pair. */
    PARTIAL
  }

  /**
   * A span of {@link DocumentMask#tokens()} whose tokens see each other.
   *
   * @param start first token, inclusive
   * @param end last token, exclusive
   * @param seesAnchors whether its tokens also see the anchors, which are then {@code tokens()[0,
   *     anchors())} and not part of this span
   */
  public record Document(int start, int end, boolean seesAnchors) {}

  private final AttentionMask mask;
  private final boolean causal;
  private final int window;
  private final int[] documents;
  private final ImmutableIntArray tokens;
  private final List<Document> spans;
  private final int anchors;

  private DocumentMask(
      AttentionConfig config,
      int[] documents,
      ImmutableIntArray tokens,
      List<Document> spans,
      int anchors) {
    this.mask = config.mask();
    this.causal = config.causal();
    this.window = config.window();
    this.documents = documents;
    this.tokens = tokens;
    this.spans = List.copyOf(spans);
    this.anchors = anchors;
  }

  /**
   * Returns the mask of a row.
   *
   * @param documents the document id of each token, see {@link AttentionMask}
   */
  public static DocumentMask of(AttentionConfig config, int[] documents) {
    Map<Integer, ImmutableIntArray.Builder> byDocument = new LinkedHashMap<>();
    boolean anchored = config.mask() == AttentionMask.ANCHOR;
    if (anchored) {
      byDocument.put(AttentionMask.ANCHOR_ID, ImmutableIntArray.builder());
    }
    for (int t = 0; t < documents.length; t++) {
      if (documents[t] != AttentionMask.PADDING_ID) {
        int id = config.mask() == AttentionMask.FULL ? 0 : documents[t];
        byDocument.computeIfAbsent(id, key -> ImmutableIntArray.builder()).add(t);
      }
    }
    var tokens = ImmutableIntArray.builder(documents.length);
    var spans = new ArrayList<Document>();
    int anchors = 0;
    int end = 0;
    for (var entry : byDocument.entrySet()) {
      ImmutableIntArray own = entry.getValue().build();
      boolean isAnchors = anchored && entry.getKey() == AttentionMask.ANCHOR_ID;
      if (own.length() > 0) {
        tokens.addAll(own);
        spans.add(new Document(end, end + own.length(), anchored && !isAnchors));
        end += own.length();
      }
      if (isAnchors) {
        anchors = own.length();
      }
    }
    return new DocumentMask(config, documents.clone(), tokens.build(), spans, anchors);
  }

  /** The row's tokens that are not padding, document by document. */
  public ImmutableIntArray tokens() {
    return tokens;
  }

  /** The documents as spans of {@link #tokens()}. */
  public List<Document> documents() {
    return spans;
  }

  /** How many anchors lead {@link #tokens()}; 0 unless the mask is {@link AttentionMask#ANCHOR}. */
  public int anchors() {
    return anchors;
  }

  /** Returns whether query {@code tokens()[q]} sees key {@code tokens()[k]}. */
  public boolean visible(int q, int k) {
    return mask.visible(documents, tokens.get(q), tokens.get(k), causal, window);
  }

  /**
   * Returns what to do for queries [queryStart, queryEnd) and keys [keyStart, keyEnd) of {@link
   * #tokens()}, the queries in one document and the keys in the same or among the anchors it sees.
   */
  public Tile tile(int queryStart, int queryEnd, int keyStart, int keyEnd) {
    // Tokens ascend within a span, so its first and last bound the distances of a tile.
    int firstQuery = tokens.get(queryStart);
    int lastQuery = tokens.get(queryEnd - 1);
    int firstKey = tokens.get(keyStart);
    int lastKey = tokens.get(keyEnd - 1);
    if (causal && firstKey > lastQuery) {
      return Tile.EMPTY;
    }
    boolean full = !causal || lastKey <= firstQuery;
    boolean alwaysInWindow = mask != AttentionMask.FULL && keyEnd <= anchors;
    boolean anchorDocument =
        mask == AttentionMask.INTRA_DOCUMENT && documents[firstKey] == AttentionMask.ANCHOR_ID;
    if (window > 0 && !alwaysInWindow && !anchorDocument) {
      if (firstQuery - lastKey >= window || firstKey - lastQuery >= window) {
        return Tile.EMPTY;
      }
      full &= lastQuery - firstKey < window && lastKey - firstQuery < window;
    }
    return full ? Tile.FULL : Tile.PARTIAL;
  }
}
