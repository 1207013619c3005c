package io.anchor4j.attention;

import com.google.common.primitives.ImmutableIntArray;
import java.util.ArrayList;
import java.util.HashMap;
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
   * @param windowed whether the window bounds what its tokens see of this span; anchors are seen at
   *     any distance
   */
  public record Document(int start, int end, boolean seesAnchors, boolean windowed) {}

  private final AttentionConfig config;
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
    this.config = config;
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
    boolean anchored = config.mask() == AttentionMask.ANCHOR;
    var found = new DocumentCounts(documents.length);
    if (anchored) {
      found.indexOf(AttentionMask.ANCHOR_ID);
    }
    var documentOf = new int[documents.length];
    for (int t = 0; t < documents.length; t++) {
      int id = config.mask() == AttentionMask.FULL ? 0 : documents[t];
      documentOf[t] = documents[t] == AttentionMask.PADDING_ID ? -1 : found.count(id);
    }
    var spans = new ArrayList<Document>(found.documents);
    var next = new int[found.documents];
    int end = 0;
    for (int i = 0; i < found.documents; i++) {
      next[i] = end;
      end += found.counts[i];
      if (found.counts[i] > 0) {
        boolean seesAnchors = anchored && found.ids[i] != AttentionMask.ANCHOR_ID;
        spans.add(new Document(next[i], end, seesAnchors, windowed(config, found.ids[i])));
      }
    }
    var tokens = new int[end];
    for (int t = 0; t < documents.length; t++) {
      if (documentOf[t] >= 0) {
        tokens[next[documentOf[t]]++] = t;
      }
    }
    return new DocumentMask(
        config,
        documents.clone(),
        ImmutableIntArray.copyOf(tokens),
        spans,
        anchored ? found.counts[0] : 0);
  }

  /** Returns whether keys of the document of that id leave sight with distance. */
  private static boolean windowed(AttentionConfig config, int id) {
    boolean stays = config.mask() != AttentionMask.FULL && id == AttentionMask.ANCHOR_ID;
    return config.window() > 0 && !stays;
  }

  /** The documents of a row in order of their first token, and how many tokens each has. */
  private static final class DocumentCounts {
    final int[] ids;
    final int[] counts;
    int documents;
    private final Map<Integer, Integer> indices = new HashMap<>();
    private int last = -1;

    /** Under a mask with anchors there may be one document more than tokens, without any. */
    DocumentCounts(int tokens) {
      ids = new int[tokens + 1];
      counts = new int[tokens + 1];
    }

    int count(int id) {
      int index = indexOf(id);
      counts[index]++;
      return index;
    }

    int indexOf(int id) {
      // Tokens of a document mostly lie together: the map is asked at its borders only.
      if (last < 0 || ids[last] != id) {
        last = indices.computeIfAbsent(id, key -> documents++);
        ids[last] = id;
      }
      return last;
    }
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
    return config
        .mask()
        .visible(documents, tokens.get(q), tokens.get(k), config.causal(), config.window());
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
    boolean causal = config.causal();
    int window = config.window();
    if (causal && firstKey > lastQuery) {
      return Tile.EMPTY;
    }
    boolean full = !causal || lastKey <= firstQuery;
    if (windowed(config, documents[firstKey])) {
      if (firstQuery - lastKey >= window || firstKey - lastQuery >= window) {
        return Tile.EMPTY;
      }
      full &= lastQuery - firstKey < window && lastKey - firstQuery < window;
    }
    return full ? Tile.FULL : Tile.PARTIAL;
  }
}
