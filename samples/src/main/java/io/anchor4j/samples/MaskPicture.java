package io.anchor4j.samples;

import io.anchor4j.attention.AttentionMask;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Draws who sees whom under each mask, by asking the masks themselves. A test compares the result
 * with docs/images/masks.svg; run {@link #main} from the repository's root to draw that file anew.
 */
public final class MaskPicture {
  /** One anchor, then documents of 4, 3 and 5 tokens. */
  private static final int[] DOCUMENTS = {0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3};

  private static final int CELL = 16;
  private static final int PANEL = DOCUMENTS.length * CELL;
  private static final int GAP = 44;
  private static final int TOP = 40;
  private static final int LEFT = 34;

  private static final String OWN = "#0072B2";
  private static final String ANCHOR = "#E69F00";
  private static final String OTHER = "#BBBBBB";
  private static final String UNSEEN = "#F4F4F4";

  private MaskPicture() {}

  /** Draws the picture into {@code docs/images/masks.svg}. */
  public static void main(String[] args) throws IOException {
    Files.writeString(Path.of("docs", "images", "masks.svg"), svg());
  }

  /** Returns the picture: one panel a mask, queries downwards, keys to the right. */
  static String svg() {
    List<AttentionMask> masks = List.of(AttentionMask.values());
    int width = LEFT + masks.size() * (PANEL + GAP);
    int height = TOP + PANEL + 60;
    var svg = new StringBuilder();
    svg.append(
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" \
        font-family="sans-serif" font-size="13" fill="#333333">
        <rect width="100%%" height="100%%" fill="#FFFFFF"/>
        """
            .formatted(width, height, width, height));
    for (int i = 0; i < masks.size(); i++) {
      panel(svg, masks.get(i), LEFT + i * (PANEL + GAP));
    }
    int y = TOP + PANEL + 34;
    int x = LEFT;
    x = legend(svg, x, y, OWN, "a token of its own document");
    x = legend(svg, x, y, ANCHOR, "the anchor");
    x = legend(svg, x, y, OTHER, "another document");
    legend(svg, x, y, UNSEEN, "not seen");
    return svg.append("</svg>\n").toString();
  }

  private static void panel(StringBuilder svg, AttentionMask mask, int left) {
    text(svg, left + PANEL / 2, TOP - 22, "middle\" font-weight=\"bold", mask.cliName());
    text(svg, left + PANEL / 2, TOP - 6, "middle", "keys \u2192");
    svg.append(
        "<text transform=\"translate(%d %d) rotate(-90)\" text-anchor=\"middle\">\u2190 queries</text>\n"
            .formatted(left - 8, TOP + PANEL / 2));
    for (int q = 0; q < DOCUMENTS.length; q++) {
      for (int k = 0; k < DOCUMENTS.length; k++) {
        rectangle(svg, left + k * CELL, TOP + q * CELL, colour(mask, q, k));
      }
    }
  }

  private static String colour(AttentionMask mask, int q, int k) {
    if (!mask.visible(DOCUMENTS, q, k, true, 0)) {
      return UNSEEN;
    }
    if (DOCUMENTS[k] == AttentionMask.ANCHOR_ID) {
      return ANCHOR;
    }
    return DOCUMENTS[k] == DOCUMENTS[q] ? OWN : OTHER;
  }

  private static int legend(StringBuilder svg, int x, int y, String colour, String label) {
    rectangle(svg, x, y - 12, colour);
    text(svg, x + CELL + 6, y, "start", label);
    return x + CELL + 30 + 7 * label.length();
  }

  private static void rectangle(StringBuilder svg, int x, int y, String colour) {
    svg.append(
        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n"
            .formatted(x, y, CELL - 1, CELL - 1, colour));
  }

  private static void text(StringBuilder svg, int x, int y, String anchor, String label) {
    svg.append(
        "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n".formatted(x, y, anchor, label));
  }
}
