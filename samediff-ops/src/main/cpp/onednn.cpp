#include "onednn.h"

#include <omp.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "arrays.h"
#include "scratch.h"

namespace a4j {
namespace {

using dnnl::memory;

// Primitives are made for a shape and cost half a millisecond. Programs use a few hundred; one that
// goes on meeting new shapes starts over here now and then.
constexpr size_t kMostPrimitives = 2048;

// The rows for which oneDNN is asked how it wants right factors: the answer depends on their own
// shape alone as far as seen, and products of fewer rows are then asked to take the same form.
constexpr int64_t kTypicalRows = 128;

// Never destroyed: the process may end while a thread still computes.
const dnnl::engine& engine() {
  static auto* instance = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *instance;
}

struct Worker {
  dnnl::stream stream{engine()};
  std::array<void*, 4> memory{};
  std::array<int64_t, 4> bytes{};
};

std::vector<std::unique_ptr<Worker>>& workers() {
  static auto* instance = new std::vector<std::unique_ptr<Worker>>();
  return *instance;
}

memory::data_type dataType(int32_t type) {
  return type == A4J_FLOAT32 ? memory::data_type::f32 : memory::data_type::bf16;
}

memory::desc describe(const Matrix& m) {
  // The stride of a dimension of one element says nothing, but is checked.
  memory::dim columnStride = m.columns == 1 ? 1 : m.columnStride;
  memory::dim rowStride = m.rows == 1 ? m.columns * columnStride : m.rowStride;
  return memory::desc({m.rows, m.columns}, dataType(m.type), memory::dims{rowStride, columnStride});
}

struct Prepared {
  memory::desc a;
  memory::desc b;
  memory::desc c;
  memory::desc bias;
  memory::desc internal;
  dnnl::primitive primitive;
};

enum class Kind : int64_t { kConvert, kPackedForm, kPack, kMultiply, kMultiplyUnpacked };

using Key = std::array<int64_t, 12>;

template <class Make>
std::shared_ptr<const Prepared> prepared(const Key& key, Make&& make) {
  static auto* lock = new std::mutex();
  static auto* cache = new std::map<Key, std::shared_ptr<const Prepared>>();
  {
    std::lock_guard<std::mutex> held(*lock);
    auto found = cache->find(key);
    if (found != cache->end()) {
      return found->second;
    }
  }
  OneThread alone;  // a primitive keeps the number of threads that it was made under
  auto made = std::make_shared<const Prepared>(make());
  std::lock_guard<std::mutex> held(*lock);
  if (cache->size() >= kMostPrimitives) {
    cache->clear();
  }
  return cache->emplace(key, made).first->second;
}

dnnl::primitive_attr attributes(bool accumulate) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum();
    attributes.set_post_ops(sum);
  }
  return attributes;
}

memory::desc packedForm(int32_t type, int64_t depth, int64_t columns) {
  Key key{static_cast<int64_t>(Kind::kPackedForm), type, depth, columns};
  return prepared(key,
                  [&] {
                    memory::desc a({kTypicalRows, depth}, dataType(type), memory::format_tag::ab);
                    memory::desc b({depth, columns}, dataType(type), memory::format_tag::any);
                    memory::desc c({kTypicalRows, columns}, dataType(A4J_FLOAT32),
                                   memory::format_tag::ab);
                    dnnl::matmul::primitive_desc product(engine(), a, b, c, attributes(false));
                    return Prepared{{}, product.weights_desc(), {}, {}, {}, {}};
                  })
      ->b;
}

void reorder(const Key& key, const Matrix& from, const memory::desc& to, void* data, int worker) {
  auto copy = prepared(key, [&] {
    memory::desc source = describe(from);
    dnnl::reorder::primitive_desc reorder(engine(), source, engine(), to, attributes(false));
    return Prepared{source, to, {}, {}, reorder.scratchpad_desc(), dnnl::reorder(reorder)};
  });
  void* internal =
      workerMemory(worker, Use::kInternal, static_cast<int64_t>(copy->internal.get_size()));
  copy->primitive.execute(workers()[worker]->stream,
                          {{DNNL_ARG_FROM, memory(copy->a, engine(), from.data)},
                           {DNNL_ARG_TO, memory(copy->b, engine(), data)},
                           {DNNL_ARG_SCRATCHPAD, memory(copy->internal, engine(), internal)}});
}

Key reorderKey(Kind kind, const Matrix& from, const Matrix& to) {
  return {static_cast<int64_t>(kind), from.rows, from.columns, from.type,      from.rowStride,
          from.columnStride,          to.type,   to.rowStride, to.columnStride};
}

// Whether oneDNN's copies are fast on it, or made at all: one stride is 1 and nothing overlaps. Of
// float16 it converts element by element.
bool isCopied(const Matrix& m) {
  return m.type != A4J_FLOAT16 && (m.hasPlainRows() || m.transposed().hasPlainRows());
}

a4j_array arrayOf(const Matrix& m) {
  return {m.data, m.type, {1, 1, m.rows, m.columns}, {0, 0, m.rowStride, m.columnStride}};
}

Key productKey(Kind kind, const Matrix& a, const Matrix& c, bool accumulate, const float* bias) {
  return {static_cast<int64_t>(kind),
          a.type,
          a.rows,
          a.columns,
          a.rowStride,
          c.columns,
          c.rowStride,
          accumulate,
          bias != nullptr};
}

// c = a b + bias, or c += a b, where formOfB() describes what lies at b.
template <class Form>
void multiplyBy(const Key& key, Form&& formOfB, const void* b, const Matrix& a, const Matrix& c,
                const float* bias, bool accumulate, int worker) {
  auto product = prepared(key, [&] {
    Prepared p;
    p.a = describe(a);
    p.b = formOfB();
    p.c = describe(c);
    if (bias != nullptr) {
      p.bias = memory::desc({1, c.columns}, memory::data_type::f32, memory::format_tag::ab);
    }
    dnnl::matmul::primitive_desc product(engine(), p.a, p.b, p.bias, p.c, attributes(accumulate));
    p.internal = product.scratchpad_desc();
    p.primitive = dnnl::matmul(product);
    return p;
  });
  void* internal =
      workerMemory(worker, Use::kInternal, static_cast<int64_t>(product->internal.get_size()));
  std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, memory(product->a, engine(), a.data)},
      {DNNL_ARG_WEIGHTS, memory(product->b, engine(), const_cast<void*>(b))},
      {DNNL_ARG_DST, memory(product->c, engine(), c.data)},
      {DNNL_ARG_SCRATCHPAD, memory(product->internal, engine(), internal)}};
  if (bias != nullptr) {
    arguments.emplace(DNNL_ARG_BIAS, memory(product->bias, engine(), const_cast<float*>(bias)));
  }
  product->primitive.execute(workers()[worker]->stream, arguments);
}

}  // namespace

Matrix Matrix::part(int64_t row, int64_t rowCount, int64_t column, int64_t columnCount) const {
  Matrix part = *this;
  part.data += (row * rowStride + column * columnStride) * bytesOf(type);
  part.rows = rowCount;
  part.columns = columnCount;
  return part;
}

OneThread::OneThread() : before_(omp_get_max_threads()) {
  if (before_ != 1) {
    omp_set_num_threads(1);
  }
}

OneThread::~OneThread() {
  if (before_ != 1) {
    omp_set_num_threads(before_);
  }
}

void prepareWorkers(int count) {
  while (static_cast<int>(workers().size()) < count) {
    workers().push_back(std::make_unique<Worker>());
  }
}

void* workerMemory(int worker, Use use, int64_t bytes) {
  Worker& w = *workers()[worker];
  auto i = static_cast<size_t>(use);
  if (w.bytes[i] < bytes) {
    std::free(w.memory[i]);
    w.bytes[i] = 0;
    w.memory[i] = std::aligned_alloc(64, static_cast<size_t>((bytes + 63) & ~int64_t{63}));
    if (w.memory[i] == nullptr) {
      throw OutOfMemory();
    }
    w.bytes[i] = bytes;
  }
  return w.memory[i];
}

void convert(const Matrix& from, const Matrix& to, int worker) {
  if (isCopied(from) && isCopied(to)) {
    reorder(reorderKey(Kind::kConvert, from, to), from, describe(to), to.data, worker);
    return;
  }
  auto* row = static_cast<float*>(workerMemory(worker, Use::kRow, from.columns * 4));
  for (int64_t r = 0; r < from.rows; r++) {
    loadRow(arrayOf(from), 0, 0, r, row);
    storeRow(arrayOf(to), 0, 0, r, row);
  }
}

int64_t packedBytes(int32_t type, int64_t depth, int64_t columns) {
  return static_cast<int64_t>(packedForm(type, depth, columns).get_size());
}

PairBlocks pairBlocks(int64_t depth, int64_t columns) {
  memory::desc form = packedForm(A4J_BFLOAT16, depth, columns);
  memory::dims blocks = form.get_inner_blks();
  memory::dims dimensions = form.get_inner_idxs();
  memory::dims strides = form.get_format_kind() == memory::format_kind::blocked
                             ? form.get_strides()
                             : memory::dims{0, 0};
  // [columns / n][depth / 2m][m][n][2]: then a block's pairs follow each other to its end.
  bool pairs = dimensions == memory::dims{0, 1, 0} && blocks[2] == 2 &&
               strides[0] == 2 * blocks[0] * blocks[1] && form.get_submemory_offset() == 0;
  return pairs ? PairBlocks{blocks[1], (depth + 1) / 2, strides[1] / 2} : PairBlocks{0, 0, 0};
}

namespace {

// A pair of depth of a column whose elements are neighbours, 0 beyond the factor.
uint32_t pairAt(const Matrix& from, int64_t word, int64_t column) {
  uint16_t pair[2] = {0, 0};
  if (column < from.columns && 2 * word < from.rows) {
    const char* data = from.data + 2 * (column * from.columnStride + 2 * word);
    std::memcpy(pair, data, 2 * word + 1 < from.rows ? 4 : 2);
  }
  return static_cast<uint32_t>(pair[1]) << 16 | pair[0];
}

// The transpose of rows of bfloat16, as a frozen weight's in the gradient of the input: only words
// change places. For [5632, 2048] oneDNN took 18 ms where this takes 10 (two threads of a busy
// Zen 4).
bool packTransposed(const Matrix& from, void* packed) {
  PairBlocks form = pairBlocks(from.rows, from.columns);
  if (from.type != A4J_BFLOAT16 || from.rowStride != 1 || form.columns == 0) {
    return false;
  }
  constexpr int64_t kTile = 16;  // words of a cache line
  int64_t words = form.stride / form.columns;
  int64_t padded = (from.columns + form.columns - 1) / form.columns * form.columns;
  for (int64_t c = 0; c < padded; c += kTile) {
    auto* to = static_cast<uint32_t*>(packed) + c / form.columns * form.stride + c % form.columns;
    for (int64_t w = 0; w < words; w += kTile) {
      bool inside = c + kTile <= from.columns && 2 * (w + kTile) <= from.rows;
      for (int64_t i = 0; i < kTile; i++) {
        const char* column = from.data + 2 * ((c + i) * from.columnStride + 2 * w);
        for (int64_t j = 0; j < kTile && w + j < words; j++) {
          uint32_t pair;
          if (inside) {
            std::memcpy(&pair, column + 4 * j, 4);
          } else {
            pair = pairAt(from, w + j, c + i);
          }
          to[(w + j) * form.columns + i] = pair;
        }
      }
    }
  }
  return true;
}

}  // namespace

void pack(const Matrix& from, int32_t type, void* packed, int worker) {
  if (type == A4J_BFLOAT16 && packTransposed(from, packed)) {
    return;
  }
  Matrix source = from;
  if (!isCopied(source)) {
    void* copy = workerMemory(worker, Use::kOperand, from.rows * from.columns * bytesOf(type));
    source = plainMatrix(copy, type, from.rows, from.columns);
    convert(from, source, worker);
  }
  Matrix form = plainMatrix(packed, type, from.rows, from.columns);
  reorder(reorderKey(Kind::kPack, source, form), source, packedForm(type, from.rows, from.columns),
          packed, worker);
}

void multiply(const Matrix& a, const void* packed, const Matrix& c, const float* bias,
              bool accumulate, int worker) {
  Key key = productKey(Kind::kMultiply, a, c, accumulate, bias);
  multiplyBy(
      key, [&] { return packedForm(a.type, a.columns, c.columns); }, packed, a, c, bias, accumulate,
      worker);
}

void multiplyUnpacked(const Matrix& a, const Matrix& b, const Matrix& c, const float* bias,
                      int worker) {
  Key key = productKey(Kind::kMultiplyUnpacked, a, c, false, bias);
  key[9] = b.rowStride;
  key[10] = b.columnStride;
  multiplyBy(key, [&] { return describe(b); }, b.data, a, c, bias, false, worker);
}

}  // namespace a4j
