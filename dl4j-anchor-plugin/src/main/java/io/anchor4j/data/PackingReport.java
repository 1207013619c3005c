package io.anchor4j.data;

import java.util.Locale;

/**
 * What came out of packing.
 *
 * @param documents documents that have tokens
 * @param emptyDocuments documents without any, which are in no row
 * @param cutDocuments documents that stand in more than one piece, as they met the end of a row
 * @param rows number of rows
 * @param sequenceLength tokens of each row
 * @param pieces documents as the rows see them, a cut one counting once for each piece
 * @param tokens tokens that are not padding: documents with their tags, and anchors
 * @param padding padding tokens
 * @param boundaries tokens whose document id is not that of the token before them, padding left out
 * @param targets tokens to be predicted when labels at boundaries are ignored
 * @param lengths of the documents
 */
public record PackingReport(
    long documents,
    long emptyDocuments,
    long cutDocuments,
    long rows,
    int sequenceLength,
    long pieces,
    long tokens,
    long padding,
    long boundaries,
    long targets,
    Lengths lengths) {

  /**
   * Tokens of a document, end-of-sequence id included and tag left out, at quantiles: each number
   * is the length of a document that this share of the documents does not exceed.
   */
  public record Lengths(
      int shortest, int p25, int median, int p75, int p90, int p99, int longest) {}

  /** Returns the share of the tokens that is not padding, from 0 to 1. */
  public double efficiency() {
    return rows == 0 ? 0 : (double) tokens / (tokens + padding);
  }

  /** Returns the mean number of documents of a row. */
  public double documentsPerRow() {
    return rows == 0 ? 0 : (double) pieces / rows;
  }

  /** Returns the report as lines of text. */
  public String describe() {
    return String.format(
        Locale.ROOT,
        """
        documents           %d (%d empty ones left out, %d cut at the end of a row)
        document tokens     shortest %d, 25%% %d, median %d, 75%% %d, 90%% %d, 99%% %d, longest %d
        rows                %d of %d tokens
        packing efficiency  %.2f%% (%d tokens, %d padding)
        documents per row   %.1f
        boundaries          %d
        targets             %d""",
        documents,
        emptyDocuments,
        cutDocuments,
        lengths.shortest,
        lengths.p25,
        lengths.median,
        lengths.p75,
        lengths.p90,
        lengths.p99,
        lengths.longest,
        rows,
        sequenceLength,
        100 * efficiency(),
        tokens,
        padding,
        documentsPerRow(),
        boundaries,
        targets);
  }
}
