#include "attention_plan.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "scratch.h"
#include "threads.h"

namespace a4j {
namespace {

template <class T>
const T* kept(const std::vector<T>& values) {
  T* copy = scratchOf<T>(static_cast<int64_t>(values.size()));
  std::copy(values.begin(), values.end(), copy);
  return copy;
}

struct Side {
  std::vector<Panel> panel;
  std::vector<int32_t> token;
  std::vector<int32_t> position;

  // Adds a document's tokens as panels and returns how many.
  int add(int document, const int32_t* tokens, int count, const int32_t* positions, int32_t none) {
    int panels = (count + kPanel - 1) / kPanel;
    for (int p = 0; p < panels; p++) {
      panel.push_back({document, std::min(kPanel, count - p * kPanel)});
      for (int i = p * kPanel; i < (p + 1) * kPanel; i++) {
        token.push_back(i < count ? tokens[i] : none);
        position.push_back(i < count ? positions[tokens[i]] : 0);
      }
    }
    return panels;
  }

  PanelSide side() const {
    return {static_cast<int32_t>(panel.size()), kept(panel), kept(token), kept(position)};
  }
};

}  // namespace

RowPlan planRow(const a4j_attention& attention, int b) {
  int64_t length = attention.key.shape[2];
  int firstQuery = static_cast<int>(length - attention.query.shape[2]);
  const int32_t* tokens = attention.tokens + b * length;
  const int32_t* positions = attention.positions + b * length;

  std::vector<Document> documents;
  Side keys;
  Side queries;
  std::vector<bool> shown(static_cast<size_t>(length));
  bool anchorsSeen = false;
  for (int s = attention.span_starts[b]; s < attention.span_starts[b + 1]; s++) {
    const a4j_span& span = attention.spans[s];
    Document document;
    int index = static_cast<int>(documents.size());
    const int32_t* first = tokens + span.start;
    const int32_t* last = tokens + span.end;
    const int32_t* query = std::lower_bound(first, last, firstQuery);
    document.firstKeyPanel = static_cast<int32_t>(keys.panel.size());
    document.keyPanels = keys.add(index, first, span.end - span.start, positions, kNoKey);
    document.firstQueryPanel = static_cast<int32_t>(queries.panel.size());
    document.queryPanels =
        queries.add(index, query, static_cast<int>(last - query), positions, kNoQuery);
    document.seesAnchors = span.sees_anchors != 0;
    document.windowed = span.windowed != 0;
    documents.push_back(document);
    anchorsSeen |= document.seesAnchors;
    for (const int32_t* t = first; t < last; t++) {
      shown[static_cast<size_t>(*t)] = true;
    }
  }
  std::vector<int32_t> hidden;
  for (int t = 0; t < length; t++) {
    if (!shown[static_cast<size_t>(t)]) {
      hidden.push_back(t);
    }
  }

  std::vector<int32_t> longestFirst(documents.size());
  std::iota(longestFirst.begin(), longestFirst.end(), 0);
  std::stable_sort(longestFirst.begin(), longestFirst.end(), [&](int32_t x, int32_t y) {
    return documents[static_cast<size_t>(x)].keyPanels >
           documents[static_cast<size_t>(y)].keyPanels;
  });

  RowPlan plan;
  plan.document = kept(documents);
  plan.longestFirst = kept(longestFirst);
  plan.documents = static_cast<int32_t>(documents.size());
  plan.keys = keys.side();
  plan.queries = queries.side();
  plan.anchors = anchorsSeen ? attention.anchors[b] : 0;
  plan.seeds = plan.anchors > 0 && plan.anchors <= kMostSeeds;
  plan.hidden = kept(hidden);
  plan.hiddenCount = static_cast<int32_t>(hidden.size());
  plan.firstQuery = firstQuery;
  plan.causal = attention.causal != 0;
  plan.window = attention.window;
  return plan;
}

namespace {

bool inWindow(const RowPlan& plan, int queryPanel, int keyPanel) {
  int own = plan.queries.panel[queryPanel].document;
  return plan.window > 0 && plan.keys.panel[keyPanel].document == own &&
         plan.document[own].windowed;
}

// The window's part of keysSeen and queriesSeeing, the same for both.
void bound(const RowPlan& plan, int queryPanel, int keyPanel, int32_t token, int32_t* low,
           int32_t* high) {
  if (inWindow(plan, queryPanel, keyPanel)) {
    int64_t reach = plan.window - 1;
    *low = static_cast<int32_t>(std::max<int64_t>(*low, token - reach));
    *high = static_cast<int32_t>(std::min<int64_t>(*high, token + reach));
  }
}

}  // namespace

void keysSeen(const RowPlan& plan, int queryPanel, int keyPanel, int32_t queryToken, int32_t* low,
              int32_t* high) {
  *low = 0;
  *high = plan.causal ? queryToken : kNoKey - 1;
  bound(plan, queryPanel, keyPanel, queryToken, low, high);
}

void queriesSeeing(const RowPlan& plan, int queryPanel, int keyPanel, int32_t keyToken,
                   int32_t* low, int32_t* high) {
  *low = plan.causal ? keyToken : 0;
  *high = kNoKey - 1;
  bound(plan, queryPanel, keyPanel, keyToken, low, high);
}

bool LocalDocuments::has(const RowPlan& plan, int document) const {
  bool isSeen = plan.anchors > 0 && document == 0;
  bool seesPanels = plan.anchors > 0 && !plan.seeds && plan.document[document].seesAnchors;
  return plan.document[document].keyPanels <= mostPanels && !isSeen && !seesPanels;
}

LocalDocuments localDocuments(const RowPlan* plans, int batch, int64_t kvHeads, int64_t panelBytes,
                              int64_t bytes) {
  constexpr int kPerThread = 8;
  int64_t documents = 0;
  for (int b = 0; b < batch; b++) {
    documents += plans[b].documents;
  }
  return {documents * kvHeads >= kPerThread * threads() ? bytes / panelBytes : 0};
}

int anchorPanels(const RowPlan& plan, int queryPanel) {
  const Document& own = plan.document[plan.queries.panel[queryPanel].document];
  return own.seesAnchors && !plan.seeds && plan.anchors > 0 ? plan.document[0].keyPanels : 0;
}

Tile tileOf(const RowPlan& plan, int queryPanel, int keyPanel) {
  int queryCount = plan.queries.panel[queryPanel].count;
  int keyCount = plan.keys.panel[keyPanel].count;
  const int32_t* query = plan.queries.token + static_cast<int64_t>(queryPanel) * kPanel;
  const int32_t* key = plan.keys.token + static_cast<int64_t>(keyPanel) * kPanel;
  int32_t firstQuery = query[0];
  int32_t lastQuery = query[queryCount - 1];
  int32_t firstKey = key[0];
  int32_t lastKey = key[keyCount - 1];
  if (plan.causal && firstKey > lastQuery) {
    return Tile::kEmpty;
  }
  bool full = keyCount == kPanel && (!plan.causal || lastKey <= firstQuery);
  if (inWindow(plan, queryPanel, keyPanel)) {
    if (firstQuery - lastKey >= plan.window || firstKey - lastQuery >= plan.window) {
      return Tile::kEmpty;
    }
    full = full && lastQuery - firstKey < plan.window && lastKey - firstQuery < plan.window;
  }
  return full ? Tile::kFull : Tile::kPartial;
}

}  // namespace a4j
