// Who sees whom, token by token and for tiles of 64 tokens at once.
#pragma once

#include <elements.cuh>

constexpr int kTile = 64;
constexpr int kPadding = -1;

// What 64 tokens are; those past the row's end count as padding.
struct Tile {
  int lowest;  // of the ids that are neither anchor nor padding; above highest if there are none
  int highest;
  int anchors;  // 0 or 1: whether there are any
  int padding;  // 0 or 1
};

// Nothing but padding.
DEVICE Tile nothing() { return {2147483647, -2147483647 - 1, 0, 1}; }

DEVICE Tile joined(const Tile& a, const Tile& b) {
  return {a.lowest < b.lowest ? a.lowest : b.lowest, a.highest > b.highest ? a.highest : b.highest,
          a.anchors | b.anchors, a.padding | b.padding};
}

// Tokens [first, end) of a row, with what is in them.
struct Span {
  Tile tile;
  int first;
  int end;
};

enum { kEmpty, kPartial, kWhole };

// Without branches: a tile that is visible in part asks for every pair.
DEVICE bool visible(const AttentionParameters& p, int queryDocument, int query, int keyDocument,
                    int key) {
  const int distance = query > key ? query - key : key - query;
  const bool full = p.mask == kMaskFull;
  const bool anchor = keyDocument == 0;
  const bool tokens = (queryDocument != kPadding) & (keyDocument != kPadding);
  const bool inOrder = (p.causal == 0) | (key <= query);
  const bool near = (p.window == 0) | (distance < p.window) | (!full & anchor);
  const bool documents =
      full | (keyDocument == queryDocument) | ((p.mask == kMaskAnchor) & anchor);
  return tokens & inOrder & near & documents;
}

// The ids of the tile, as far as the mask tells them apart.
DEVICE bool someAreVisible(int mask, const Tile& query, const Tile& key) {
  const bool overlap = query.lowest <= key.highest && key.lowest <= query.highest;
  if (mask == kMaskFull) {
    return (query.anchors || query.lowest <= query.highest) &&
           (key.anchors || key.lowest <= key.highest);
  }
  if (mask == kMaskAnchor && key.anchors) {
    return query.anchors || query.lowest <= query.highest;
  }
  return overlap || (query.anchors && key.anchors);
}

DEVICE bool allAreVisible(int mask, const Tile& query, const Tile& key) {
  if (query.padding || key.padding) {
    return false;
  }
  if (mask == kMaskFull) {
    return true;
  }
  const bool queryDocuments = query.lowest <= query.highest;
  const bool keyDocuments = key.lowest <= key.highest;
  if (query.anchors) {
    return !queryDocuments && !keyDocuments;  // anchors see anchors
  }
  return query.lowest == query.highest && (!key.anchors || mask == kMaskAnchor) &&
         (!keyDocuments || (key.lowest == query.lowest && key.highest == query.lowest));
}

// Whether none, some or all of the pairs of a span of queries and one of keys are visible; "some"
// is right always.
DEVICE int classOf(const AttentionParameters& p, const Span& query, const Span& key) {
  const int nearest = query.first - (key.end - 1);
  const int farthest = query.end - 1 - key.first;
  if ((p.causal && farthest < 0) || !someAreVisible(p.mask, query.tile, key.tile)) {
    return kEmpty;
  }
  const bool stay = p.mask != kMaskFull && key.tile.anchors;
  if (p.window > 0 && !stay && (nearest >= p.window || -farthest >= p.window)) {
    return kEmpty;
  }
  const bool inWindow = p.window == 0 || (farthest < p.window && -nearest < p.window);
  const bool whole = allAreVisible(p.mask, query.tile, key.tile) && inWindow &&
                     (!p.causal || nearest >= 0) && query.first >= p.tokens - p.queries;
  return whole ? kWhole : kPartial;
}

// Where queries begin, as the rows of packed_query do.
DEVICE int queryStart(const AttentionParameters& p) {
  return (p.tokens - p.queries) / kTile * kTile;
}

// Tokens [first, first + count) of row b, count 128 or at most 64 within a tile.
DEVICE Span spanOf(const AttentionParameters& p, int b, int first, int count) {
  const int tiles = (p.tokens + kTile - 1) / kTile;
  const Tile* row = deviceMemory<const Tile>(p.tiles) + static_cast<a4j_int64>(b) * tiles;
  const int at = first / kTile;
  if (at >= tiles) {
    return {nothing(), first, first + count};
  }
  Tile tile = row[at];
  if (count > kTile) {
    const Tile next = at + 1 < tiles ? row[at + 1] : nothing();
    tile = joined(tile, next);
  }
  return {tile, first, first + count};
}

// The document of a token, padding where there is none.
DEVICE int documentOf(const AttentionParameters& p, int b, int token) {
  return token < p.tokens
             ? deviceMemory<const int>(p.documents)[static_cast<a4j_int64>(b) * p.tokens + token]
             : kPadding;
}

DEVICE int queryDocumentOf(const AttentionParameters& p, int b, int token) {
  return token >= p.tokens - p.queries ? documentOf(p, b, token) : kPadding;
}

DEVICE int positionOf(const AttentionParameters& p, int b, int token) {
  return token < p.tokens
             ? deviceMemory<const int>(p.positions)[static_cast<a4j_int64>(b) * p.tokens + token]
             : 0;
}

// The distance of two positions, which may be farther apart than an int tells.
DEVICE unsigned distanceOf(int a, int b) {
  return a > b ? static_cast<unsigned>(a) - static_cast<unsigned>(b)
               : static_cast<unsigned>(b) - static_cast<unsigned>(a);
}
