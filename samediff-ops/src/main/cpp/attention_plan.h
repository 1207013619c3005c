// One row's mask in panels: what every head of the row goes by.
//
// Keys and queries are laid out document by document, each document beginning a new panel of 64, so
// that work between documents does not exist and masks matter only where a document's own order
// does: on the diagonal, at a window's edge and behind a document's last token.
#pragma once

#include "anchor4j.h"

namespace a4j {

constexpr int kPanel = 64;

// Anchors up to this many are taken one by one into every query's sums, which costs a few percent
// of a panel each; more of them are panels like any other.
constexpr int kMostSeeds = 4;

struct Document {
  int32_t firstKeyPanel;
  int32_t keyPanels;
  int32_t firstQueryPanel;
  int32_t queryPanels;
  bool seesAnchors;
  bool windowed;
};

struct Panel {
  int32_t document;
  int32_t count;  // tokens, up to kPanel
};

// The keys or the queries of a row.
struct PanelSide {
  int32_t panels;
  const Panel* panel;
  const int32_t* token;     // [panels][kPanel], ascending in a document; behind the last: kNoKey
  const int32_t* position;  // [panels][kPanel]
};

// Tokens that stand for none: a key later than every query, a query before every key.
constexpr int32_t kNoKey = INT32_MAX;
constexpr int32_t kNoQuery = -1;

enum class Tile { kEmpty, kFull, kPartial };

struct RowPlan {
  const Document* document;
  int32_t documents;
  const int32_t* longestFirst;  // the documents by size
  PanelSide keys;
  PanelSide queries;
  int32_t anchors;        // of the row; they lead document 0
  bool seeds;             // whether anchors are taken one by one
  const int32_t* hidden;  // the row's padding
  int32_t hiddenCount;
  int32_t firstQuery;  // the row's token that is query 0
  bool causal;
  int32_t window;
};

// Plans row b, in the call's scratch.
RowPlan planRow(const a4j_attention& attention, int b);

// What a query panel and a key panel that it may see have to do with each other.
Tile tileOf(const RowPlan& plan, int queryPanel, int keyPanel);

// Tokens [low, high] of the keys that a query token sees, and of the queries that see a key.
void keysSeen(const RowPlan& plan, int queryPanel, int keyPanel, int32_t queryToken, int32_t* low,
              int32_t* high);
void queriesSeeing(const RowPlan& plan, int queryPanel, int keyPanel, int32_t keyToken,
                   int32_t* low, int32_t* high);

// Documents that one task each computes as a whole, packing their panels for itself alone: its
// caches hold them, where what is packed for all tasks goes to memory and comes back, and no thread
// waits for another. 16 documents and an anchor in 16,384 tokens, 8 heads, D 64, bfloat16, two
// threads of a Zen 4: forward 58 to 55 ms, backward 180 to 135 ms.
struct LocalDocuments {
  int64_t mostPanels;

  // Only where no panel of the document meets one of another.
  bool has(const RowPlan& plan, int document) const;
};

// Those whose panels, of `panelBytes` each, take no more than `bytes`, if there are enough to go
// round all threads. Bits do not depend on it.
LocalDocuments localDocuments(const RowPlan* plans, int batch, int64_t kvHeads, int64_t panelBytes,
                              int64_t bytes);

// Key panels that a query panel may see besides its own document's: the first ones of the row,
// where anchors are panels.
int anchorPanels(const RowPlan& plan, int queryPanel);

}  // namespace a4j
