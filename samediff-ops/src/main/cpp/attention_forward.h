// Attention forward: the sums of queries over the keys that they see, and the way of many queries
// (of few: attention_decode.h). One task computes one panel of 64 queries of one head.
//
//   for each panel of 64 keys that the queries see:
//     S = Q K^T                     scores in powers of two: Q carries scale * log2(e)
//     P = 2^(S - reference)         in registers, stored as operands of the next product
//     O += P V, sums += rows of P
//   output = O / sums, logSumExp = ln 2 (reference + log2 sums)
//
// Where P is rounded to bfloat16, outputs are divided by the sums of the rounded weights, so that
// their errors cancel where few keys weigh most.
//
// The reference of a row need not be its maximum: float32 has room for 2^8 more, so it is raised
// only beyond that, to a whole number, which makes rescaling exact.
#pragma once

#include "attention_decode.h"
#include "attention_pack.h"
#include "scratch.h"
#include "threads.h"

namespace a4j {
namespace {

// Memory for the packed keys and values of the heads treated at once; one head may take more.
constexpr int64_t kPackedBytes = int64_t{64} << 20;

// Packed keys and values of a document that one task computes, about what a second-level cache
// holds.
constexpr int64_t kLocalBytes = int64_t{1} << 20;

// How far a score may exceed the reference, in powers of two.
constexpr float kHeadroom = 8;

// Scores is the product of Q and K, Values that of P and V.
template <class Scores, class Values>
class AttentionForward {
  using L = typename Scores::L;
  using F = typename L::F;
  using I = typename L::I;
  using ScoreWords = typename Scores::Words;
  using ValueWords = typename Values::Words;

 public:
  explicit AttentionForward(const a4j_attention& attention)
      : a_(attention),
        batch_(static_cast<int>(attention.query.shape[0])),
        heads_(static_cast<int>(attention.query.shape[1])),
        kvHeads_(static_cast<int>(attention.key.shape[1])),
        headDim_(static_cast<int>(attention.query.shape[3])),
        width_(paddedColumns(headDim_)),
        scoreDepth_(ScoreWords::depth(headDim_)) {}

  void run() {
    int panels = planRows();
    int64_t headWords = panels * panelWords();
    int64_t pairs = static_cast<int64_t>(batch_) * kvHeads_;
    int64_t headBytes = headWords * static_cast<int64_t>(sizeof(uint32_t));
    int64_t atOnce = headBytes > 0 ? kPackedBytes / headBytes : pairs;
    atOnce = atOnce < 1 ? 1 : atOnce > pairs ? pairs : atOnce;
    uint32_t* words = scratchOf<uint32_t>(atOnce * headWords);
    float* seeds = scratchOf<float>(atOnce * kSeedFloats);
    auto keys = [&](int64_t pair, int64_t slot) {
      int b = static_cast<int>(pair / kvHeads_);
      return PackedKeys{plans_[b],
                        b,
                        static_cast<int>(pair % kvHeads_),
                        0,
                        plans_[b].keys.panels,
                        words + slot * headWords,
                        seeds + slot * kSeedFloats};
    };
    workers_ = scratchOf<Worker>(threads());
    local_ = localDocuments(plans_, batch_, kvHeads_, panelWords() * 4, kLocalBytes);
    int64_t localWords = local_.mostPanels * panelWords();
    uint32_t* local = scratchOf<uint32_t>(threads() * localWords);
    const int group = heads_ / kvHeads_;
    int64_t perPair = 0;
    RowTasks* tasks = scratchOf<RowTasks>(batch_);
    for (int b = 0; b < batch_; b++) {
      tasks[b] = tasksOf(plans_[b]);
      int64_t count = static_cast<int64_t>(group) * tasks[b].panels + tasks[b].documents;
      perPair = perPair > count ? perPair : count;
    }
    for (int64_t from = 0; from < pairs; from += atOnce) {
      int64_t count = pairs - from < atOnce ? pairs - from : atOnce;
      parallelFor(count * panels, [&](int64_t i, int worker) {
        PackedKeys head = keys(from + i / panels, i / panels);
        int panel = static_cast<int>(i % panels);
        if (panel < head.end && !local_.has(head.plan, head.plan.keys.panel[panel].document)) {
          pack(head, panel, workers_[worker]);
        }
      });
      parallelFor(count * perPair, [&](int64_t i, int worker) {
        PackedKeys head = keys(from + i / perPair, i / perPair);
        const RowTasks& row = tasks[head.b];
        int64_t shared = static_cast<int64_t>(group) * row.panels;
        int64_t task = i % perPair;
        if (task < shared) {
          int member = static_cast<int>(task / row.panels);
          compute(head, member, row.panel[task % row.panels], workers_[worker]);
        } else if (task < shared + row.documents) {
          const Document& document = head.plan.document[row.document[task - shared]];
          head.first = document.firstKeyPanel;
          head.end = document.firstKeyPanel + document.keyPanels;
          head.words = local + worker * localWords;
          for (int panel = head.first; panel < head.end; panel++) {
            pack(head, panel, workers_[worker]);
          }
          for (int member = 0; member < group; member++) {
            for (int panel = 0; panel < document.queryPanels; panel++) {
              compute(head, member, document.firstQueryPanel + panel, workers_[worker]);
            }
          }
        }
      });
    }
    hideAll();
  }

 protected:
  using Lanes = L;
  static constexpr int64_t kSeedFloats = 2 * kMostSeeds * kMostHeadDim;

  struct Worker {
    alignas(64) float rows[kPanel * kMostHeadDim];
    alignas(64) float output[kPanel * kMostHeadDim];
    alignas(64) uint32_t words[kPanel * ScoreWords::depth(kMostHeadDim)];
    alignas(64) uint32_t weights[kPanel * kPanel];
    alignas(64) float sums[kPanel * L::kWidth];
    alignas(64) float roundedSums[kPanel * L::kWidth];
    alignas(64) float reference[kPanel];
    alignas(64) int32_t low[kPanel];
    alignas(64) int32_t high[kPanel];
  };

  // The tasks of a row and a key/value head: panels of queries that see packed keys, and local
  // documents.
  struct RowTasks {
    const int32_t* panel;
    int32_t panels;
    const int32_t* document;
    int32_t documents;
  };

  // Most work first, so that threads end together.
  RowTasks tasksOf(const RowPlan& plan) const {
    int32_t* panel = scratchOf<int32_t>(plan.queries.panels);
    int32_t* document = scratchOf<int32_t>(plan.documents);
    RowTasks tasks{panel, 0, document, 0};
    for (int i = 0; i < plan.documents; i++) {
      int d = plan.longestFirst[i];
      if (local_.has(plan, d)) {
        document[tasks.documents++] = d;
        continue;
      }
      for (int p = plan.document[d].queryPanels - 1; p >= 0; p--) {
        panel[tasks.panels++] = plan.document[d].firstQueryPanel + p;
      }
    }
    return tasks;
  }

  // Returns the largest number of key panels of a row.
  int planRows() {
    plans_ = scratchOf<RowPlan>(batch_);
    int panels = 0;
    for (int b = 0; b < batch_; b++) {
      plans_[b] = planRow(a_, b);
      panels = most(panels, plans_[b].keys.panels);
    }
    return panels;
  }

  // Key panels [first, end) of a head, packed one after the other.
  struct PackedKeys {
    const RowPlan& plan;
    int b;
    int kvHead;
    int first;
    int end;
    uint32_t* words;
    float* seeds;  // the anchors' keys and values, where sums begin with them; or null
  };

  int64_t keyWords() const { return static_cast<int64_t>(scoreDepth_) * kPanel; }
  int64_t panelWords() const {
    return keyWords() + static_cast<int64_t>(kPanel / ValueWords::kPerWord) * width_;
  }
  uint32_t* keyPanel(const PackedKeys& keys, int panel) const {
    return keys.words + (panel - keys.first) * panelWords();
  }
  uint32_t* valuePanel(const PackedKeys& keys, int panel) const {
    return keyPanel(keys, panel) + keyWords();
  }
  static float* seedValues(const PackedKeys& keys) { return keys.seeds + kSeedFloats / 2; }

  void pack(const PackedKeys& keys, int panel, Worker& w) const {
    PanelReader key{a_, a_.key, keys.plan.keys, keys.b, keys.kvHead, 0, true, 1};
    PanelReader value{a_, a_.value, keys.plan.keys, keys.b, keys.kvHead, 0, false, 1};
    int64_t stride;
    const float* rows = key.rows(panel, w.rows, &stride);
    packColumns<ScoreWords>(rows, stride, headDim_, w.words, keyPanel(keys, panel));
    keepSeeds(keys, panel, rows, stride, keys.seeds);
    rows = value.rows(panel, w.rows, &stride);
    packB<ValueWords>(rows, stride, width_, valuePanel(keys, panel));
    keepSeeds(keys, panel, rows, stride, seedValues(keys));
  }

  // A panel of queries of one head, `member` being its place in its group.
  void compute(const PackedKeys& keys, int member, int panel, Worker& w) const {
    int head = keys.kvHead * (heads_ / kvHeads_) + member;
    sumUp(keys, head, panel, w);
    finish(keys.plan, keys.b, head, panel, w);
  }

  void keepSeeds(const PackedKeys& keys, int panel, const float* rows, int64_t stride,
                 float* seeds) const {
    if (panel == 0 && keys.plan.seeds) {
      for (int i = 0; i < keys.plan.anchors; i++) {
        std::memcpy(seeds + i * width_, rows + i * stride,
                    static_cast<size_t>(width_) * sizeof(float));
      }
    }
  }

  // One panel of queries of one head: what they see of one packed key panel after the other.
  void sumUp(const PackedKeys& keys, int head, int panel, Worker& w) const {
    [[maybe_unused]] typename Values::Task task;
    const RowPlan& plan = keys.plan;
    PanelReader reader{a_,   a_.query,        plan.queries, keys.b,
                       head, plan.firstQuery, true,         a_.scale * kLog2E};
    reader.read(panel, w.rows);
    packA<ScoreWords>(w.rows, width_, headDim_, w.words);
    float slope = a_.slopes != nullptr ? a_.slopes[head] * kLog2E : 0;
    begin(keys, panel, slope, w);

    int anchorsEnd = least(anchorPanels(plan, panel), keys.end);
    for (int k = keys.first; k < anchorsEnd; k++) {
      add(keys, panel, k, slope, w);
    }
    const Document& own = plan.document[plan.queries.panel[panel].document];
    int ownEnd = least(own.firstKeyPanel + own.keyPanels, keys.end);
    for (int k = most(own.firstKeyPanel, keys.first); k < ownEnd; k++) {
      if (!add(keys, panel, k, slope, w) && plan.causal && plan.window == 0) {
        break;  // keys ascend: all that follow are later than every query
      }
    }
  }

  // Starts the sums: empty, or with the anchors that are taken one by one.
  void begin(const PackedKeys& packed, int panel, float slope, Worker& w) const {
    const RowPlan& plan = packed.plan;
    int count = plan.queries.panel[panel].count;
    bool seeded = packed.seeds != nullptr && plan.seeds &&
                  plan.document[plan.queries.panel[panel].document].seesAnchors;
    const int32_t* tokens = plan.queries.token + static_cast<int64_t>(panel) * kPanel;
    const int32_t* positions = plan.queries.position + static_cast<int64_t>(panel) * kPanel;
    for (int r = 0; r < count; r++) {
      float* sums = w.sums + r * L::kWidth;
      float* output = w.output + r * width_;
      std::memset(sums, 0, L::kWidth * sizeof(float));
      std::memset(w.roundedSums + r * L::kWidth, 0, L::kWidth * sizeof(float));
      std::memset(output, 0, static_cast<size_t>(width_) * sizeof(float));
      w.reference[r] = kNoReference;
      if (!seeded) {
        continue;
      }
      float scores[kMostSeeds];
      float top = kNoReference;
      for (int i = 0; i < plan.anchors; i++) {
        bool seen = !plan.causal || plan.keys.token[i] <= tokens[r];
        scores[i] = kUnseen;
        if (seen) {
          float distance =
              __builtin_fabsf(static_cast<float>(positions[r] - plan.keys.position[i]));
          float score = dot<L>(w.rows + r * width_, packed.seeds + i * width_, width_);
          scores[i] = score - slope * distance;
          top = scores[i] > top ? scores[i] : top;
        }
      }
      w.reference[r] = top > kNoReference ? __builtin_ceilf(top) : kNoReference;
      for (int i = 0; i < plan.anchors; i++) {
        if (scores[i] == kUnseen) {
          continue;
        }
        alignas(64) float weight[L::kWidth];
        L::store(weight, L::template exp2<5>(L::set(scores[i] - w.reference[r])));
        sums[0] += weight[0];
        w.roundedSums[r * L::kWidth] += weight[0];
        const float* value = seedValues(packed) + i * width_;
        for (int c = 0; c < width_; c += L::kWidth) {
          L::store(output + c, L::fma(L::set(weight[0]), L::load(value + c), L::load(output + c)));
        }
      }
    }
  }

  // Takes a key panel into the sums; false if the queries see nothing of it.
  bool add(const PackedKeys& packed, int queryPanel, int keyPanelIndex, float slope,
           Worker& w) const {
    const RowPlan& plan = packed.plan;
    int count = plan.queries.panel[queryPanel].count;
    Tile tile = tileOf(plan, queryPanel, keyPanelIndex);
    if (tile == Tile::kEmpty) {
      return false;
    }
    Block block{packed, queryPanel, keyPanelIndex, slope};
    if (tile == Tile::kFull) {
      if (slope == 0) {
        addRows<false, false>(block, 0, count, 0, kPanel, w);
      } else {
        addRows<false, true>(block, 0, count, 0, kPanel, w);
      }
      return true;
    }
    // Rows of a panel that is seen in part are taken 16 at a time, with the columns that any of
    // them sees.
    const int32_t* queries = plan.queries.token + static_cast<int64_t>(queryPanel) * kPanel;
    const int32_t* keys = plan.keys.token + static_cast<int64_t>(keyPanelIndex) * kPanel;
    for (int r = 0; r < count; r += kPartRows) {
      int rows = least(kPartRows, count - r);
      for (int i = r; i < r + rows; i++) {
        keysSeen(plan, queryPanel, keyPanelIndex, queries[i], &w.low[i], &w.high[i]);
      }
      int from = 0;
      int to = plan.keys.panel[keyPanelIndex].count;
      while (to > 0 && keys[to - 1] > w.high[r + rows - 1]) {
        to--;
      }
      while (from < to && keys[from] < w.low[r]) {
        from++;
      }
      if (from == to) {
        continue;
      }
      from -= from % kPartColumns;
      if (slope == 0) {
        addRows<true, false>(block, r, rows, from, to, w);
      } else {
        addRows<true, true>(block, r, rows, from, to, w);
      }
    }
    return true;
  }

  static constexpr int kPartRows = 16;
  static constexpr int kPartColumns = 16;

  struct Block {
    const PackedKeys& packed;
    int queryPanel;
    int keyPanel;
    float slope;
  };

  // Takes keys [from, to) of a panel into the sums of rows [first, first + rows).
  template <bool kMasked, bool kBiased>
  void addRows(const Block& block, int first, int rows, int from, int to, Worker& w) const {
    const int32_t* keyTokens =
        block.packed.plan.keys.token + static_cast<int64_t>(block.keyPanel) * kPanel + from;
    const int32_t* keyPositions =
        block.packed.plan.keys.position + static_cast<int64_t>(block.keyPanel) * kPanel + from;
    const int32_t* queryPositions = block.packed.plan.queries.position +
                                    static_cast<int64_t>(block.queryPanel) * kPanel + first;
    uint32_t* weights = w.weights + first * kWeightStride;
    int columns = ceilDiv(to - from, kPartColumns) * kPartColumns;
    auto weigh = [&](int r, int column, auto& scores) __attribute__((always_inline)) {
      constexpr int kCount = sizeof(scores) / sizeof(F);
      int row = first + r;
      if constexpr (kBiased) {
        I position = L::setInt(queryPositions[r]);
        for (int v = 0; v < kCount; v++) {
          I key = L::loadInt(keyPositions + column + v * L::kWidth);
          F distance = L::toFloat(L::absInt(L::subInt(position, key)));
          scores[v] = L::fma(L::set(-block.slope), distance, scores[v]);
        }
      }
      if constexpr (kMasked) {
        I low = L::setInt(w.low[row]);
        I high = L::setInt(w.high[row]);
        for (int v = 0; v < kCount; v++) {
          I token = L::loadInt(keyTokens + column + v * L::kWidth);
          scores[v] = L::select(L::between(low, token, high), scores[v], L::set(kUnseen));
        }
      }
      F top = scores[0];
      for (int v = 1; v < kCount; v++) {
        top = L::max(top, scores[v]);
      }
      if (__builtin_expect(L::any(L::greater(top, L::set(w.reference[row] + kHeadroom))), 0)) {
        raise(row, L::highest(top), weights + r * kWeightStride, column, w);
      }
      F reference = L::set(w.reference[row]);
      F sum = L::load(w.sums + row * L::kWidth);
      F part = L::set(0);
      for (int v = 0; v < kCount; v++) {
        scores[v] = L::template exp2<ScoreWords::kExp2Degree>(L::sub(scores[v], reference));
        part = L::add(part, scores[v]);
      }
      L::store(w.sums + row * L::kWidth, L::add(sum, part));
      if constexpr (ValueWords::kRounds) {
        float* rounded = w.roundedSums + row * L::kWidth;
        L::store(rounded, ValueWords::addRounded(scores, L::load(rounded)));
      }
      ValueWords::store(weights + r * kWeightStride + column / ValueWords::kPerWord, scores);
    };
    Scores::rows(w.words + first * scoreDepth_, scoreDepth_, rows,
                 keyPanel(block.packed, block.keyPanel) + from, kPanel, columns, scoreDepth_,
                 weigh);
    Values::add(weights, kWeightStride, rows,
                valuePanel(block.packed, block.keyPanel) + from / ValueWords::kPerWord * width_,
                width_, width_, columns / ValueWords::kPerWord, w.output + first * width_, width_);
  }

  static constexpr int kWeightStride = kPanel / ValueWords::kPerWord;

  // Lifts a row's reference to a score far above it and brings what was summed under the old one
  // down: the sums, the output and this panel's weights of the columns before.
  __attribute__((noinline)) void raise(int row, float top, uint32_t* weights, int columns,
                                       Worker& w) const {
    float raised = __builtin_ceilf(top);
    float before = w.reference[row];
    w.reference[row] = raised;
    if (before == kNoReference) {
      return;
    }
    float factor = __builtin_exp2f(before - raised);
    for (int i = 0; i < L::kWidth; i++) {
      w.sums[row * L::kWidth + i] *= factor;
      w.roundedSums[row * L::kWidth + i] *= factor;
    }
    for (int c = 0; c < width_; c++) {
      w.output[row * width_ + c] *= factor;
    }
    ValueWords::scaleStored(weights, columns / ValueWords::kPerWord, factor);
  }

  void finish(const RowPlan& plan, int b, int head, int panel, Worker& w) const {
    int count = plan.queries.panel[panel].count;
    const int32_t* tokens = plan.queries.token + static_cast<int64_t>(panel) * kPanel;
    for (int r = 0; r < count; r++) {
      float sum = L::sum(L::load(w.sums + r * L::kWidth));
      float weights = ValueWords::kRounds ? L::sum(L::load(w.roundedSums + r * L::kWidth)) : sum;
      float inverse = weights == 0 ? 0 : 1 / weights;
      float* output = w.output + r * width_;
      for (int c = 0; c < width_; c++) {
        output[c] *= inverse;
      }
      int64_t query = tokens[r] - plan.firstQuery;
      storeRow(a_.output, b, head, query, output);
      float logSumExp =
          sum == 0 ? -__builtin_inff() : kLn2 * (w.reference[r] + __builtin_log2f(sum));
      *statisticAt(a_.log_sum_exp, b, head, query) = logSumExp;
    }
  }

  // Queries that are padding.
  void hideAll() const {
    bool any = false;
    for (int b = 0; b < batch_; b++) {
      any |= plans_[b].hiddenCount > 0;
    }
    if (any) {
      parallelFor(static_cast<int64_t>(batch_) * heads_, [&](int64_t i, int) {
        hide(static_cast<int>(i / heads_), static_cast<int>(i % heads_));
      });
    }
  }

  void hide(int b, int head) const {
    const float zeros[kMostHeadDim] = {};
    for (int i = 0; i < plans_[b].hiddenCount; i++) {
      int64_t query = plans_[b].hidden[i] - plans_[b].firstQuery;
      if (query >= 0) {
        storeRow(a_.output, b, head, query, zeros);
        *statisticAt(a_.log_sum_exp, b, head, query) = -__builtin_inff();
      }
    }
  }

  const a4j_attention& a_;
  const int batch_;
  const int heads_;
  const int kvHeads_;
  const int headDim_;
  const int width_;
  const int scoreDepth_;
  RowPlan* plans_ = nullptr;
  Worker* workers_ = nullptr;
  LocalDocuments local_ = {0};
};

template <class Scores, class Values>
void runForward(const a4j_attention& attention) {
  using Forward = AttentionForward<Scores, Values>;
  if (AttentionDecode<Forward>::suits(attention)) {
    AttentionDecode<Forward>(attention).run();
  } else {
    Forward(attention).run();
  }
}

// Float computes in float32, Low in bfloat16, Exact the scores that keep float32's accuracy where
// the rest is bfloat16.
template <class Float, class Low, class Exact>
void attentionForward(const a4j_attention& attention) {
  switch (attention.precision) {
    case A4J_PRECISION_BFLOAT16:
      runForward<Low, Low>(attention);
      break;
    case A4J_PRECISION_COMPENSATED:
      runForward<Exact, Low>(attention);
      break;
    default:
      runForward<Float, Float>(attention);
  }
}

}  // namespace
}  // namespace a4j
