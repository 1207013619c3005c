// Attention backward in one pass over the scores: one task computes some panels of 64 keys of one
// key/value head, all that their queries owe them, five products a block:
//
//   S^T = K Q^T                       again, keys by queries: a vector holds 16 queries of a key
//   P^T = 2^(S^T - logSumExp)
//   dP^T = V dO^T
//   dS^T = P^T (dP^T - delta)         delta = sum over D of O dO
//   dV += P^T dO,  dK += dS^T Q,  dQ^T += K^T dS^T
//
// Keys and values belong to one task alone. dQ belongs to many, which add to it in the order of
// their keys: each query panel has a ticket that says whose turn it is. Two passes, one by keys and
// one by queries, would need no tickets but seven products: 153 against 113 ms on two cores of a
// Zen 4 (8 heads, T 4096, D 64, bfloat16).
#pragma once

#include "attention_pack.h"
#include "scratch.h"
#include "threads.h"

namespace a4j {
namespace {

// Memory for the packed operands of the heads treated at once; one head may take more.
constexpr int64_t kBackwardBytes = int64_t{128} << 20;

// Packed operands of a document that one task computes.
constexpr int64_t kLocalGradientBytes = int64_t{4} << 20;

// Key panels of one task: while it goes through the queries, which in a long row come from beyond
// the second cache, they serve all of them.
constexpr int kMostKeys = 4;

// Scores is the product of K and Q, Low all others.
template <class Scores, class Low>
class AttentionBackward {
  using L = typename Scores::L;
  using F = typename L::F;
  using I = typename L::I;
  using ScoreWords = typename Scores::Words;
  using LowWords = typename Low::Words;

 public:
  explicit AttentionBackward(const a4j_attention& attention)
      : a_(attention),
        batch_(static_cast<int>(attention.query.shape[0])),
        heads_(static_cast<int>(attention.query.shape[1])),
        kvHeads_(static_cast<int>(attention.key.shape[1])),
        group_(heads_ / kvHeads_),
        headDim_(static_cast<int>(attention.query.shape[3])),
        width_(paddedColumns(headDim_)),
        scoreDepth_(ScoreWords::depth(headDim_)),
        lowDepth_(LowWords::depth(headDim_)) {}

  void run() {
    plans_ = scratchOf<RowPlan>(batch_);
    for (int b = 0; b < batch_; b++) {
      plans_[b] = planRow(a_, b);
      keyPanels_ = most(keyPanels_, plans_[b].keys.panels);
      queryPanels_ = most(queryPanels_, plans_[b].queries.panels);
      seeds_ = most(seeds_, plans_[b].seeds ? plans_[b].anchors : 0);
    }
    int64_t bytes = packedBytes(keyPanels_, queryPanels_);
    int64_t pairs = static_cast<int64_t>(batch_) * kvHeads_;
    int64_t atOnce = bytes > 0 ? kBackwardBytes / bytes : pairs;
    atOnce = atOnce < 1 ? 1 : atOnce > pairs ? pairs : atOnce;
    Packed shared = packedFor(atOnce, keyPanels_, queryPanels_);
    local_ = localDocuments(plans_, batch_, kvHeads_, packedBytes(1, 1), kLocalGradientBytes);
    Packed local = packedFor(threads(), local_.mostPanels, local_.mostPanels);
    int64_t seedFloats = atOnce * 2 * seeds_ * width_;
    seedRows_ = scratchOf<float>(seedFloats);
    seedGradients_ = scratchOf<float>(seedFloats * group_ * queryPanels_);
    workers_ = scratchOf<Worker>(threads());
    RowTasks* rows = scratchOf<RowTasks>(batch_);
    int documents = 0;
    int cuts = 0;
    for (int b = 0; b < batch_; b++) {
      rows[b] = tasksOf(plans_[b]);
      documents = most(documents, rows[b].documents);
      cuts = most(cuts, rows[b].cuts);
    }

    for (int64_t from = 0; from < pairs; from += atOnce) {
      int64_t count = pairs - from < atOnce ? pairs - from : atOnce;
      auto sharedHead = [&](int64_t slot) { return head(from, slot, shared, slot, 0, 0); };
      auto forSharedQueries = [&](auto&& task) {
        int64_t queries = static_cast<int64_t>(group_) * queryPanels_;
        parallelFor(count * queries, [&](int64_t i, int worker) {
          Head h = sharedHead(i / queries);
          int panel = static_cast<int>(i % queryPanels_);
          const PanelSide& side = h.plan.queries;
          if (panel < side.panels && !local_.has(h.plan, side.panel[panel].document)) {
            task(h, static_cast<int>(i % queries / queryPanels_), panel, workers_[worker]);
          }
        });
      };
      parallelFor(count * keyPanels_, [&](int64_t i, int worker) {
        Head h = sharedHead(i / keyPanels_);
        int panel = static_cast<int>(i % keyPanels_);
        const PanelSide& side = h.plan.keys;
        if (panel < side.panels && !local_.has(h.plan, side.panel[panel].document)) {
          packKeys(h, panel, workers_[worker]);
        }
      });
      forSharedQueries([&](const Head& h, int member, int panel, Worker& w) {
        packQueries(h, member, panel, w);
      });
      parallelFor(count * documents, [&](int64_t i, int worker) {
        int64_t slot = i / documents;
        const RowTasks& row = rows[(from + slot) / kvHeads_];
        int task = static_cast<int>(i % documents);
        if (task < row.documents) {
          const Document& of = plans_[(from + slot) / kvHeads_].document[row.document[task]];
          computeLocal(head(from, slot, local, worker, of.firstKeyPanel, of.firstQueryPanel), of,
                       workers_[worker]);
        }
      });
      // Heads take turns, so that threads seldom wait for one another's tickets.
      parallelFor(count * cuts, [&](int64_t i, int worker) {
        int64_t slot = i % count;
        const RowTasks& row = rows[(from + slot) / kvHeads_];
        int task = static_cast<int>(i / count);
        if (task < row.cuts) {
          compute(sharedHead(slot), row.cut[task], workers_[worker]);
        }
      });
      forSharedQueries([&](const Head& h, int member, int panel, Worker& w) {
        finishQueries(h, member, panel, w);
      });
    }
    parallelFor(pairs, [&](int64_t i, int) { hide(head(i, 0, shared, 0, 0, 0)); });
  }

 private:
  struct Worker {
    alignas(64) float rows[kPanel * kMostHeadDim];
    alignas(64) float more[kPanel * kMostHeadDim];
    alignas(64) uint32_t
        words[kPanel * most(ScoreWords::depth(kMostHeadDim), LowWords::depth(kMostHeadDim))];
    alignas(64) float keyGradient[kMostKeys][kPanel * kMostHeadDim];
    alignas(64) float valueGradient[kMostKeys][kPanel * kMostHeadDim];
    alignas(64) float weights[kPanel * kPanel];          // P^T, then dS^T, keys by queries
    alignas(64) uint32_t weightWords[kPanel * kPanel];   // P^T as A
    alignas(64) uint32_t slopeWords[kPanel * kPanel];    // dS^T as A
    alignas(64) uint32_t slopeColumns[kPanel * kPanel];  // dS^T as B
    int32_t low[kPanel];
    int32_t high[kPanel];
  };

  // Memory for the packed panels of some heads or documents.
  struct Packed {
    int keyPanels;
    int queryPanels;
    uint32_t* keys;     // [places][keyPanels]
    uint32_t* queries;  // [places][group][queryPanels]
    int32_t* tickets;   // as queries
  };

  Packed packedFor(int64_t places, int64_t keyPanels, int64_t queryPanels) const {
    int64_t queries = places * group_ * queryPanels;
    return {static_cast<int>(keyPanels), static_cast<int>(queryPanels),
            scratchOf<uint32_t>(places * keyPanels * keyWords()),
            scratchOf<uint32_t>(queries * queryWords()), scratchOf<int32_t>(queries)};
  }
  int64_t packedBytes(int64_t keyPanels, int64_t queryPanels) const {
    return keyPanels * keyWords() * 4 + group_ * queryPanels * (queryWords() * 4 + 4);
  }

  // A key/value head, or one document of it, and where its panels are packed.
  struct Head {
    int b;
    int kvHead;
    int64_t slot;  // among the heads treated at once
    const RowPlan& plan;
    const Packed& packed;
    int64_t place;  // in `packed`, with these as its first panels
    int firstKey;
    int firstQuery;
  };

  Head head(int64_t from, int64_t slot, const Packed& packed, int64_t place, int firstKey,
            int firstQuery) const {
    int b = static_cast<int>((from + slot) / kvHeads_);
    int kvHead = static_cast<int>((from + slot) % kvHeads_);
    return {b, kvHead, slot, plans_[b], packed, place, firstKey, firstQuery};
  }

  // Key panels [first, first + count) of a document.
  struct Cut {
    int32_t first;
    int32_t count;
  };

  // The tasks of a row and a key/value head: local documents, and the others' keys.
  struct RowTasks {
    const int32_t* document;
    int32_t documents;
    const Cut* cut;
    int32_t cuts;
  };

  // Ascending keys: the order of the tickets, and under causal masks the longest tasks first.
  RowTasks tasksOf(const RowPlan& plan) const {
    int32_t* document = scratchOf<int32_t>(plan.documents);
    Cut* cut = scratchOf<Cut>(plan.keys.panels);
    RowTasks tasks{document, 0, cut, 0};
    for (int i = 0; i < plan.documents; i++) {
      if (local_.has(plan, plan.longestFirst[i])) {
        document[tasks.documents++] = plan.longestFirst[i];
      }
    }
    // Short rows have too few panels to share them out in groups.
    int atOnce = keyPanels_ >= kGroupedFrom ? kMostKeys : 1;
    for (int d = 0; d < plan.documents; d++) {
      const Document& of = plan.document[d];
      for (int k = 0; k < of.keyPanels && !local_.has(plan, d); k += atOnce) {
        cut[tasks.cuts++] = {of.firstKeyPanel + k, least(atOnce, of.keyPanels - k)};
      }
    }
    return tasks;
  }
  static constexpr int kGroupedFrom = 64;

  // What a key panel is packed into.
  struct KeyPanel {
    uint32_t* key;         // A of S^T: [64][scoreDepth]
    uint32_t* value;       // A of dP^T: [64][lowDepth]
    uint32_t* keyColumns;  // A of dQ^T: [width][64 keys]
  };
  static constexpr int kTokenWords = kPanel / LowWords::kPerWord;

  int64_t keyWords() const {
    return static_cast<int64_t>(kPanel) * (scoreDepth_ + lowDepth_) + width_ * kTokenWords;
  }
  KeyPanel keyPanel(const Head& h, int panel) const {
    int64_t place = h.place * h.packed.keyPanels + panel - h.firstKey;
    uint32_t* at = h.packed.keys + place * keyWords();
    return {at, at + kPanel * scoreDepth_, at + kPanel * (scoreDepth_ + lowDepth_)};
  }

  // What a query panel of one head is packed into.
  struct QueryPanel {
    uint32_t* query;         // B of S^T: [scoreDepth][64]
    uint32_t* gradient;      // B of dP^T: [lowDepth][64]
    uint32_t* queryRows;     // B of dK: [64 queries][width]
    uint32_t* gradientRows;  // B of dV: [64 queries][width]
    float* queryGradient;    // dQ^T: [width][64]
    float* logSumExp;        // [64], in powers of two
    float* delta;            // [64]
    float* seeds;            // what the queries owe the anchors: [seeds][dK, dV][width]
    int32_t* ticket;         // the key panel whose turn it is
  };

  int64_t queryWords() const {
    return static_cast<int64_t>(kPanel) * (scoreDepth_ + lowDepth_ + width_ + 2) +
           2 * kTokenWords * width_;
  }
  // `member` is the query head's place in its group.
  QueryPanel queryPanel(const Head& h, int member, int panel) const {
    int64_t place = (h.place * group_ + member) * h.packed.queryPanels + panel - h.firstQuery;
    QueryPanel p;
    p.query = h.packed.queries + place * queryWords();
    p.gradient = p.query + kPanel * scoreDepth_;
    p.queryRows = p.gradient + kPanel * lowDepth_;
    p.gradientRows = p.queryRows + kTokenWords * width_;
    p.queryGradient = reinterpret_cast<float*>(p.gradientRows + kTokenWords * width_);
    p.logSumExp = p.queryGradient + kPanel * width_;
    p.delta = p.logSumExp + kPanel;
    p.seeds =
        seedGradients_ + ((h.slot * group_ + member) * queryPanels_ + panel) * 2 * seeds_ * width_;
    p.ticket = h.packed.tickets + place;
    return p;
  }

  float* seedKeys(const Head& h) const { return seedRows_ + h.slot * 2 * seeds_ * width_; }
  float* seedValues(const Head& h) const { return seedKeys(h) + seeds_ * width_; }

  PanelReader keySide(const Head& h, const a4j_array& array, bool rotated) const {
    return {a_, array, h.plan.keys, h.b, h.kvHead, 0, rotated, 1};
  }
  PanelReader querySide(const Head& h, const a4j_array& array, int member, bool rotated,
                        float scale) const {
    int queryHead = h.kvHead * group_ + member;
    return {a_, array, h.plan.queries, h.b, queryHead, h.plan.firstQuery, rotated, scale};
  }

  void packKeys(const Head& h, int panel, Worker& w) const {
    KeyPanel to = keyPanel(h, panel);
    size_t seedBytes = static_cast<size_t>(h.plan.anchors) * width_ * sizeof(float);
    keySide(h, a_.key, true).read(panel, w.rows);
    packA<ScoreWords>(w.rows, width_, headDim_, to.key);
    packB<LowWords>(w.rows, width_, width_, w.words);
    for (int c = 0; c < width_; c += L::kWidth) {
      for (int i = 0; i < kTokenWords; i += L::kWidth) {
        L::transpose(w.words + i * width_ + c, width_, to.keyColumns + c * kTokenWords + i,
                     kTokenWords);
      }
    }
    if (panel == 0 && h.plan.seeds) {
      std::memcpy(seedKeys(h), w.rows, seedBytes);
    }
    keySide(h, a_.value, false).read(panel, w.rows);
    packA<LowWords>(w.rows, width_, headDim_, to.value);
    if (panel == 0 && h.plan.seeds) {
      std::memcpy(seedValues(h), w.rows, seedBytes);
    }
  }

  void packQueries(const Head& h, int member, int panel, Worker& w) const {
    const RowPlan& plan = h.plan;
    QueryPanel to = queryPanel(h, member, panel);
    querySide(h, a_.output, member, false, 1).read(panel, w.more);
    querySide(h, a_.output_gradient, member, false, 1).read(panel, w.rows);
    if constexpr (LowWords::kRounds) {
      // delta has to be made of what dP is made of, or rows that see few keys do not cancel.
      for (int i = 0; i < kPanel * width_; i += L::kWidth) {
        L::store(w.rows + i, L::toBfloat16AndBack(L::load(w.rows + i)));
      }
    }
    packColumns<LowWords>(w.rows, width_, headDim_, w.words, to.gradient);
    packB<LowWords>(w.rows, width_, width_, to.gradientRows);
    const int32_t* tokens = plan.queries.token + static_cast<int64_t>(panel) * kPanel;
    int count = plan.queries.panel[panel].count;
    int queryHead = h.kvHead * group_ + member;
    for (int r = 0; r < kPanel; r++) {
      to.delta[r] = dot<L>(w.rows + r * width_, w.more + r * width_, width_);
      to.logSumExp[r] = r >= count ? 0
                                   : kLog2E * *statisticAt(a_.log_sum_exp, h.b, queryHead,
                                                           tokens[r] - plan.firstQuery);
    }
    querySide(h, a_.query, member, true, a_.scale * kLog2E).read(panel, w.more);
    packColumns<ScoreWords>(w.more, width_, headDim_, w.words, to.query);
    packB<LowWords>(w.more, width_, width_, to.queryRows);
    std::memset(to.queryGradient, 0, static_cast<size_t>(kPanel) * width_ * sizeof(float));
    std::memset(to.seeds, 0, static_cast<size_t>(2) * seeds_ * width_ * sizeof(float));
    const Document& own = plan.document[plan.queries.panel[panel].document];
    if (plan.seeds && own.seesAnchors) {
      addSeeds(h, panel, slope(queryHead), count, to, w);
    }
    *to.ticket = nextKeyPanel(plan, panel, -1);
  }

  // The key panel after `last` that has something to add to a query panel's gradient.
  static int nextKeyPanel(const RowPlan& plan, int panel, int last) {
    const Document& own = plan.document[plan.queries.panel[panel].document];
    int anchors = anchorPanels(plan, panel);
    int next = last + 1;
    while (next < own.firstKeyPanel + own.keyPanels) {
      if (next >= anchors && next < own.firstKeyPanel) {
        next = own.firstKeyPanel;
      }
      if (tileOf(plan, panel, next) != Tile::kEmpty) {
        break;
      }
      next++;
    }
    return next;
  }

  float slope(int queryHead) const {
    return a_.slopes != nullptr ? a_.slopes[queryHead] * kLog2E : 0;
  }

  // What the queries in w.more (and their output's gradient in w.rows) and the anchors that are
  // taken one by one owe each other.
  void addSeeds(const Head& h, int panel, float slope, int count, const QueryPanel& to,
                Worker& w) const {
    const RowPlan& plan = h.plan;
    const int32_t* tokens = plan.queries.token + static_cast<int64_t>(panel) * kPanel;
    const int32_t* positions = plan.queries.position + static_cast<int64_t>(panel) * kPanel;
    for (int i = 0; i < plan.anchors; i++) {
      const float* key = seedKeys(h) + i * width_;
      const float* value = seedValues(h) + i * width_;
      float* keyGradient = to.seeds + 2 * i * width_;
      float* valueGradient = keyGradient + width_;
      for (int r = 0; r < count; r++) {
        if (plan.causal && plan.keys.token[i] > tokens[r]) {
          continue;
        }
        const float* query = w.more + r * width_;
        const float* gradient = w.rows + r * width_;
        float distance = __builtin_fabsf(static_cast<float>(positions[r] - plan.keys.position[i]));
        float score = dot<L>(query, key, width_) - slope * distance;
        alignas(64) float weight[L::kWidth];
        L::store(weight, L::template exp2<5>(L::set(score - to.logSumExp[r])));
        F p = L::set(weight[0]);
        float owed = weight[0] * (dot<L>(gradient, value, width_) - to.delta[r]);
        F ds = L::set(owed);
        for (int c = 0; c < width_; c += L::kWidth) {
          L::store(keyGradient + c, L::fma(ds, L::load(query + c), L::load(keyGradient + c)));
          L::store(valueGradient + c, L::fma(p, L::load(gradient + c), L::load(valueGradient + c)));
        }
        for (int c = 0; c < headDim_; c++) {
          to.queryGradient[c * kPanel + r] += owed * key[c];
        }
      }
    }
  }

  // A local document: all of it, in ascending order.
  void computeLocal(const Head& h, const Document& document, Worker& w) const {
    int keysEnd = document.firstKeyPanel + document.keyPanels;
    int queriesEnd = document.firstQueryPanel + document.queryPanels;
    for (int k = document.firstKeyPanel; k < keysEnd; k++) {
      packKeys(h, k, w);
    }
    for (int member = 0; member < group_; member++) {
      for (int q = document.firstQueryPanel; q < queriesEnd; q++) {
        packQueries(h, member, q, w);
      }
    }
    for (int k = document.firstKeyPanel; k < keysEnd; k += kMostKeys) {
      compute(h, {k, least(kMostKeys, keysEnd - k)}, w);
    }
    for (int member = 0; member < group_; member++) {
      for (int q = document.firstQueryPanel; q < queriesEnd; q++) {
        finishQueries(h, member, q, w);
      }
    }
  }

  // Some panels of keys: block by block with the queries that see them.
  void compute(const Head& h, const Cut& cut, Worker& w) const {
    const RowPlan& plan = h.plan;
    int first = cut.first;
    int count = cut.count;
    [[maybe_unused]] typename Low::Task task;
    size_t bytes = static_cast<size_t>(kPanel) * width_ * sizeof(float);
    for (int i = 0; i < count; i++) {
      std::memset(w.keyGradient[i], 0, bytes);
      std::memset(w.valueGradient[i], 0, bytes);
    }
    if (first == 0 && plan.seeds) {
      collectSeeds(h, w);
    }
    const Document& own = plan.document[plan.keys.panel[first].document];
    int from = own.firstQueryPanel;
    int to = own.firstQueryPanel + own.queryPanels;
    if (plan.keys.panel[first].document == 0 && plan.anchors > 0 && !plan.seeds) {
      to = plan.queries.panels;
    }
    for (int member = 0; member < group_; member++) {
      for (int q = from; q < to; q++) {
        for (int i = 0; i < count; i++) {
          add(h, first + i, member, q, w.keyGradient[i], w.valueGradient[i], w);
        }
      }
    }
    for (int i = 0; i < count; i++) {
      int tokens = plan.keys.panel[first + i].count;
      for (int c = 0; c < tokens * width_; c++) {
        w.keyGradient[i][c] *= kLn2;  // Q carries scale * log2(e)
      }
      keySide(h, a_.key_gradient, true).write(first + i, w.keyGradient[i], width_);
      keySide(h, a_.value_gradient, false).write(first + i, w.valueGradient[i], width_);
    }
  }

  // What all queries owe the anchors, in the order of the queries.
  void collectSeeds(const Head& h, Worker& w) const {
    for (int member = 0; member < group_; member++) {
      for (int q = 0; q < h.plan.queries.panels; q++) {
        const float* owed = queryPanel(h, member, q).seeds;
        for (int i = 0; i < h.plan.anchors; i++) {
          for (int c = 0; c < width_; c++) {
            w.keyGradient[0][i * width_ + c] += owed[2 * i * width_ + c];
            w.valueGradient[0][i * width_ + c] += owed[(2 * i + 1) * width_ + c];
          }
        }
      }
    }
  }

  struct Block {
    const Head& head;
    KeyPanel keys;
    QueryPanel queries;
    int keyPanel;
    int queryPanel;
    float slope;
    float* keyGradient;
    float* valueGradient;
  };

  void add(const Head& h, int keyIndex, int member, int queryIndex, float* keyGradient,
           float* valueGradient, Worker& w) const {
    const RowPlan& plan = h.plan;
    bool own = plan.keys.panel[keyIndex].document == plan.queries.panel[queryIndex].document;
    if (!own && keyIndex >= anchorPanels(plan, queryIndex)) {
      return;
    }
    Tile tile = tileOf(plan, queryIndex, keyIndex);
    if (tile == Tile::kEmpty) {
      return;
    }
    Block block{h,
                keyPanel(h, keyIndex),
                queryPanel(h, member, queryIndex),
                keyIndex,
                queryIndex,
                slope(h.kvHead * group_ + member),
                keyGradient,
                valueGradient};
    int columns = ceilDiv(plan.queries.panel[queryIndex].count, kPartColumns) * kPartColumns;
    if (tile == Tile::kFull) {
      if (block.slope == 0) {
        addRows<false, false>(block, 0, kPanel, 0, columns, w);
      } else {
        addRows<false, true>(block, 0, kPanel, 0, columns, w);
      }
      packB<LowWords>(w.weights, kPanel, kPanel, w.slopeColumns);
      awaitTurn(block);
      Low::add(block.keys.keyColumns, kTokenWords, headDim_, w.slopeColumns, kPanel, columns,
               kTokenWords, block.queries.queryGradient, kPanel);
    } else {
      addPart(block, columns, w);
    }
    __atomic_store_n(block.queries.ticket, nextKeyPanel(plan, queryIndex, keyIndex),
                     __ATOMIC_RELEASE);
  }

  static void awaitTurn(const Block& block) {
    for (int spins = 0; __atomic_load_n(block.queries.ticket, __ATOMIC_ACQUIRE) != block.keyPanel;
         spins++) {
      relax(spins);
    }
  }

  static constexpr int kPartRows = 16;
  static constexpr int kPartColumns = 16;

  // A block that is seen in part: 16 keys at a time with the queries that see any of them, then 16
  // queries at a time with the keys that any of them sees.
  void addPart(const Block& block, int columns, Worker& w) const {
    const RowPlan& plan = block.head.plan;
    const int32_t* queries = plan.queries.token + static_cast<int64_t>(block.queryPanel) * kPanel;
    const int32_t* keys = plan.keys.token + static_cast<int64_t>(block.keyPanel) * kPanel;
    int keyCount = plan.keys.panel[block.keyPanel].count;
    int queryCount = plan.queries.panel[block.queryPanel].count;
    int keyFrom[kPanel / kPartColumns];
    int keyTo[kPanel / kPartColumns] = {};
    std::memset(w.weights, 0, sizeof w.weights);
    for (int r = 0; r < keyCount; r += kPartRows) {
      int rows = least(kPartRows, keyCount - r);
      for (int i = r; i < r + rows; i++) {
        queriesSeeing(plan, block.queryPanel, block.keyPanel, keys[i], &w.low[i], &w.high[i]);
      }
      int from = 0;
      int to = queryCount;
      while (to > 0 && queries[to - 1] > w.high[r + rows - 1]) {
        to--;
      }
      while (from < to && queries[from] < w.low[r]) {
        from++;
      }
      if (from == to) {
        continue;
      }
      from -= from % kPartColumns;
      to = ceilDiv(to, kPartColumns) * kPartColumns;
      if (block.slope == 0) {
        addRows<true, false>(block, r, rows, from, to, w);
      } else {
        addRows<true, true>(block, r, rows, from, to, w);
      }
      for (int c = from / kPartColumns; c < to / kPartColumns; c++) {
        keyFrom[c] = keyTo[c] == 0 ? r : keyFrom[c];
        keyTo[c] = r + kPartRows;
      }
    }
    packB<LowWords>(w.weights, kPanel, kPanel, w.slopeColumns);
    awaitTurn(block);
    for (int c = 0; c < columns / kPartColumns; c++) {
      if (keyTo[c] > 0) {
        int from = keyFrom[c] / LowWords::kPerWord;
        int depth = keyTo[c] / LowWords::kPerWord - from;
        Low::add(block.keys.keyColumns + from, kTokenWords, headDim_,
                 w.slopeColumns + from * kPanel + c * kPartColumns, kPanel, kPartColumns, depth,
                 block.queries.queryGradient + c * kPartColumns, kPanel);
      }
    }
  }

  // Keys [first, first + rows) with queries [from, to): P^T, dS^T, and what they add to dV and dK.
  template <bool kMasked, bool kBiased>
  void addRows(const Block& block, int first, int rows, int from, int to, Worker& w) const {
    const RowPlan& plan = block.head.plan;
    const int32_t* queryTokens =
        plan.queries.token + static_cast<int64_t>(block.queryPanel) * kPanel + from;
    const int32_t* queryPositions =
        plan.queries.position + static_cast<int64_t>(block.queryPanel) * kPanel + from;
    const int32_t* keyPositions =
        plan.keys.position + static_cast<int64_t>(block.keyPanel) * kPanel + first;
    const float* logSumExp = block.queries.logSumExp + from;
    const float* delta = block.queries.delta + from;
    float* weights = w.weights + first * kPanel + from;
    uint32_t* weightWords = w.weightWords + first * kTokenWords;
    uint32_t* slopeWords = w.slopeWords + first * kTokenWords;
    auto weigh = [&](int r, int column, auto& scores) __attribute__((always_inline)) {
      constexpr int kCount = sizeof(scores) / sizeof(F);
      if constexpr (kBiased) {
        I position = L::setInt(keyPositions[r]);
        for (int v = 0; v < kCount; v++) {
          I query = L::loadInt(queryPositions + column + v * L::kWidth);
          F distance = L::toFloat(L::absInt(L::subInt(position, query)));
          scores[v] = L::fma(L::set(-block.slope), distance, scores[v]);
        }
      }
      if constexpr (kMasked) {
        I low = L::setInt(w.low[first + r]);
        I high = L::setInt(w.high[first + r]);
        for (int v = 0; v < kCount; v++) {
          I token = L::loadInt(queryTokens + column + v * L::kWidth);
          scores[v] = L::select(L::between(low, token, high), scores[v], L::set(kUnseen));
        }
      }
      for (int v = 0; v < kCount; v++) {
        F total = L::load(logSumExp + column + v * L::kWidth);
        scores[v] = L::template exp2<ScoreWords::kExp2Degree>(L::sub(scores[v], total));
        L::store(weights + r * kPanel + column + v * L::kWidth, scores[v]);
      }
      LowWords::store(weightWords + r * kTokenWords + column / LowWords::kPerWord, scores);
    };
    auto slopes = [&](int r, int column, auto& owed) __attribute__((always_inline)) {
      constexpr int kCount = sizeof(owed) / sizeof(F);
      for (int v = 0; v < kCount; v++) {
        float* weight = weights + r * kPanel + column + v * L::kWidth;
        F d = L::load(delta + column + v * L::kWidth);
        owed[v] = L::mul(L::load(weight), L::sub(owed[v], d));
        L::store(weight, owed[v]);
      }
      LowWords::store(slopeWords + r * kTokenWords + column / LowWords::kPerWord, owed);
    };
    int columns = to - from;
    Scores::rows(block.keys.key + first * scoreDepth_, scoreDepth_, rows,
                 block.queries.query + from, kPanel, columns, scoreDepth_, weigh);
    Low::rows(block.keys.value + first * lowDepth_, lowDepth_, rows, block.queries.gradient + from,
              kPanel, columns, lowDepth_, slopes);
    int depth = columns / LowWords::kPerWord;
    int64_t rowsFrom = static_cast<int64_t>(from / LowWords::kPerWord) * width_;
    Low::add(weightWords, kTokenWords, rows, block.queries.gradientRows + rowsFrom, width_, width_,
             depth, block.valueGradient + first * width_, width_);
    Low::add(slopeWords, kTokenWords, rows, block.queries.queryRows + rowsFrom, width_, width_,
             depth, block.keyGradient + first * width_, width_);
  }

  void finishQueries(const Head& h, int member, int panel, Worker& w) const {
    const float* gradient = queryPanel(h, member, panel).queryGradient;
    for (int c = 0; c < width_; c += L::kWidth) {
      for (int i = 0; i < kPanel; i += L::kWidth) {
        L::transpose(reinterpret_cast<const uint32_t*>(gradient) + c * kPanel + i, kPanel,
                     reinterpret_cast<uint32_t*>(w.rows) + i * width_ + c, width_);
      }
    }
    for (int i = 0; i < kPanel * width_; i++) {
      w.rows[i] *= a_.scale;
    }
    querySide(h, a_.query_gradient, member, true, 1).write(panel, w.rows, width_);
  }

  // Padding, which takes no part in anything.
  void hide(const Head& h) const {
    const float zeros[kMostHeadDim] = {};
    for (int i = 0; i < h.plan.hiddenCount; i++) {
      int64_t token = h.plan.hidden[i];
      storeRow(a_.key_gradient, h.b, h.kvHead, token, zeros);
      storeRow(a_.value_gradient, h.b, h.kvHead, token, zeros);
      for (int member = 0; member < group_ && token >= h.plan.firstQuery; member++) {
        storeRow(a_.query_gradient, h.b, h.kvHead * group_ + member, token - h.plan.firstQuery,
                 zeros);
      }
    }
  }

  const a4j_attention& a_;
  const int batch_;
  const int heads_;
  const int kvHeads_;
  const int group_;
  const int headDim_;
  const int width_;
  const int scoreDepth_;
  const int lowDepth_;
  int keyPanels_ = 0;
  int queryPanels_ = 0;
  int seeds_ = 0;
  RowPlan* plans_ = nullptr;
  LocalDocuments local_ = {0};
  float* seedRows_ = nullptr;
  float* seedGradients_ = nullptr;
  Worker* workers_ = nullptr;
};

// See attentionForward.
template <class Float, class Low, class Exact>
void attentionBackward(const a4j_attention& attention) {
  switch (attention.precision) {
    case A4J_PRECISION_BFLOAT16:
      AttentionBackward<Low, Low>(attention).run();
      break;
    case A4J_PRECISION_COMPENSATED:
      AttentionBackward<Exact, Low>(attention).run();
      break;
    default:
      AttentionBackward<Float, Float>(attention).run();
  }
}

}  // namespace
}  // namespace a4j
