// What the host hands to the kernels: one struct by value for each launch. Java packs exactly this
// layout: 8-byte fields first, so that nothing is padded. Device memory goes by its address.
//
// Letters: B batch, H query heads, Hkv key/value heads, Tq queries, T tokens, D head dimension,
// P rotary pairs, N rows, C columns. up(x, n) is x rounded up to a multiple of n.
//
// Modules are compiled with --std=c++17 and these macros; their kernels are extern "C".
//
// module              macros                         kernels
// attention_prepare   none                           attention_tiles, attention_pack, rotary_angles
// attention_pairs     HEAD_DIM, COMPENSATED          attention_forward, attention_backward_keys,
//                                                    attention_backward_queries
// attention_plain     HEAD_DIM, REAL                 the same three
// companions          none                           all others
//
// HEAD_DIM is up(D, 16), COMPENSATED 0 or 1, REAL float or double. attention_pairs computes
// BFLOAT16 and BFLOAT16_COMPENSATED by tensor cores and needs compute capability 8.0;
// attention_plain computes FLOAT32 and, for float64 arrays, float64.
//
// Forward: attention_tiles, [rotary_angles,] attention_pack, attention_forward.
// Backward: the same two or three, then attention_backward_keys and
// attention_backward_queries in any order. All on one stream; nothing is kept between the two but
// output and log_sum_exp. No kernel uses atomics: equal inputs give equal bits.
//
// kernel                      grid                               block    shared bytes
// attention_tiles             up(T, 64) / 64, B                  32       0
// rotary_angles               up(count, 256) / 256               256      0
// attention_pack              max(query_rows, key_rows) / 8,     256      0
//                               H + 2 Hkv (+ H backward), B
// attention_forward           up(query_rows, M) / M, H, B        F        s
// attention_backward_keys     up(T, R) / R, Hkv, B               G        t
// attention_backward_queries  up(query_rows, R) / R, H, B        G        t
//
// attention_pairs, W = HEAD_DIM > 128, P = 1 + COMPENSATED (planes of an operand of scores):
//   M = COMPENSATED || W ? 64 : 128, N = !W ? 64 : COMPENSATED ? 16 : 32, F = 128,
//   s = 2 (HEAD_DIM + 8) (M P + N (P + 1)) + 8 N
//   R = COMPENSATED && W ? 32 : 64, S = W ? 16 : COMPENSATED ? 32 : 64, G = 2 R,
//   t = 2 (HEAD_DIM + 8) (P + 1) (R + S) + 16 S
// attention_plain, L = HEAD_DIM * sizeof(REAL) <= 512 ? 32 : <= 1024 ? 16 : 8:
//   M = R = L, F = G = L L / 4, s = t = (4 L (HEAD_DIM + 1) + 2 L (L + 1)) * sizeof(REAL) + 32 L
// Above 48 KiB the host raises CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES to what it asks for;
// no kernel asks for more than 99 KiB, what compute capability 8.6 has.
#pragma once

typedef int a4j_int32;
typedef long long a4j_int64;
typedef unsigned long long a4j_address;  // of device memory; 0 where nothing is wanted

// Types of elements.
enum { kFloat32 = 0, kBfloat16 = 1, kFloat16 = 2, kFloat64 = 3 };

// What attention_pack makes of arrays: operands of the module that follows.
enum { kPackFloat32 = 0, kPackBfloat16 = 1, kPackPair = 2, kPackFloat64 = 3 };

// Masks, in the order of io.anchor4j.attention.AttentionMask.
enum { kMaskFull = 0, kMaskIntraDocument = 1, kMaskAnchor = 2 };

// Pairings, in the order of io.anchor4j.rotary.RotaryConfig.Pairing.
enum { kHalfSplit = 0, kInterleaved = 1 };

// Elements of any strides; the shape is the kernel's to know.
struct Array {
  a4j_address data;
  a4j_int64 stride[4];  // in elements; those of dimensions left out are 0
  a4j_int32 type;
  a4j_int32 unused;
};
static_assert(sizeof(Array) == 48, "as Java packs it");

// One attention over a whole batch.
//
// Queries are the last Tq of the T tokens. With start = (T - Tq) / 64 * 64, rounded down:
// query_rows = up(T - start, 128), key_rows = up(T, 128). Scratch may hold anything before.
struct AttentionParameters {
  Array query;            // [B, H, Tq, D]
  Array key;              // [B, Hkv, T, D]
  Array value;            // [B, Hkv, T, D]
  Array output;           // [B, H, Tq, D]
  Array log_sum_exp;      // [B, H, Tq] in strides 0 to 2, float32 or float64
  Array output_gradient;  // from here on: for backward only
  Array query_gradient;
  Array key_gradient;
  Array value_gradient;
  a4j_address documents;  // int32 [B][T]
  a4j_address positions;  // int32 [B][T]
  a4j_address angles;     // [B][T][P][2] cosine, sine: float32, or float64 for kPackFloat64; or 0
  a4j_address slopes;     // ALiBi: [H], float32, or float64 for kPackFloat64; or 0
  a4j_address tiles;      // scratch: 16 bytes * B * up(T, 64) / 64
  // Scratch of attention_pack: HEAD_DIM elements a row, of 2 bytes for bfloat16, aligned to 16
  // bytes.
  a4j_address packed_query;            // [B][H][query_rows], rotated, times scale / ln 2
  a4j_address packed_query_low;        // the same, for kPackPair only: what rounding took
  a4j_address packed_key;              // [B][Hkv][key_rows], rotated
  a4j_address packed_key_low;          // the same, for kPackPair only
  a4j_address packed_value;            // [B][Hkv][key_rows]
  a4j_address packed_output_gradient;  // [B][H][query_rows], backward only
  a4j_address row_log_sum_exp;         // [B][H][query_rows] float32 or float64, backward only
  a4j_address row_delta;               // the same
  double scale;
  a4j_int32 batch;
  a4j_int32 heads;
  a4j_int32 kv_heads;
  a4j_int32 queries;
  a4j_int32 tokens;
  a4j_int32 head_dim;    // D
  a4j_int32 packed_dim;  // HEAD_DIM
  a4j_int32 query_rows;
  a4j_int32 key_rows;
  a4j_int32 rotary_pairs;  // 0 for no rotation
  a4j_int32 pairing;
  a4j_int32 mask;
  a4j_int32 causal;
  a4j_int32 window;  // 0 for none
  a4j_int32 format;  // kPackFloat32 and so on
  a4j_int32 unused;
};
static_assert(sizeof(AttentionParameters) == 608, "as Java packs it");

// Fills a table of angles from integer positions, in float64 throughout.
struct RotaryAnglesParameters {
  a4j_address positions;    // int32 [B][T]
  a4j_address frequencies;  // float64 [B][P], radians per token
  a4j_address angles;       // [B][T][P][2] cosine, sine
  double factor;            // what both are multiplied by
  a4j_int64 count;          // B T P
  a4j_int32 tokens;
  a4j_int32 pairs;
  a4j_int32 type;  // of the table: kFloat32 or kFloat64
  a4j_int32 unused;
};
static_assert(sizeof(RotaryAnglesParameters) == 56, "as Java packs it");

// companions. Blocks have 256 threads and no dynamic shared memory; grids are one-dimensional.
// "Wide" is float64 where the arrays are float64, else float32.
//
// kernel                         grid
// convert                        min(up(elements, 256) / 256, 65536)
// gated_silu                     the same
// gated_silu_gradient            the same
// adamw                          the same
// rotary                         the same, with elements = B H T up(D, 2) / 2
// rms_norm                       N
// rms_norm_gradient              parts = up(N, part_rows) / part_rows
// column_sums                    up(C, 256) / 256 * parts
// sum_of_squares                 parts = up(elements, 8192) / 8192
// sum_parts                      up(columns, 256) / 256
// cross_entropy_statistics       N
// cross_entropy_finish           up(N, 256) / 256
// cross_entropy_gradient         N
//
// A sum over rows takes two launches: parts, each of rows [part * part_rows, + part_rows), then
// sum_parts over them in ascending order. part_rows must depend on shapes alone, so that sums do.

// Copies with conversion, rounding to nearest even; a stride of 0 in `from` spreads a row.
struct ConvertParameters {
  Array from;
  Array to;
  a4j_int64 shape[4];
};
static_assert(sizeof(ConvertParameters) == 128, "as Java packs it");

// silu(gate) * up, and its gradients. All of one shape and type.
struct GatedSiluParameters {
  Array gate;
  Array up;
  Array output;
  Array output_gradient;  // from here on: for the gradient only
  Array gate_gradient;
  Array up_gradient;
  a4j_int64 shape[4];
};
static_assert(sizeof(GatedSiluParameters) == 320, "as Java packs it");

// Turns heads by angles, or back.
struct RotaryParameters {
  Array heads;         // [B, H, T, D]
  Array rotated;       // [B, H, T, D]
  a4j_address angles;  // [B][T][P][2], wide
  a4j_int32 batch;
  a4j_int32 head_count;
  a4j_int32 tokens;
  a4j_int32 head_dim;
  a4j_int32 pairs;
  a4j_int32 pairing;
  a4j_int32 inverse;
  a4j_int32 unused;
};
static_assert(sizeof(RotaryParameters) == 136, "as Java packs it");

// Root mean square norm of rows.
struct RmsNormParameters {
  Array input;             // shape
  Array gain;              // [C] in stride 3
  Array output;            // shape
  Array output_gradient;   // shape; from here on: for the gradient only
  Array input_gradient;    // shape
  a4j_address gain_parts;  // scratch: wide [parts][C], to be summed by sum_parts; or 0
  double epsilon;
  a4j_int64 shape[4];  // the last is C, the others multiply to N
  a4j_int64 part_rows;
};
static_assert(sizeof(RmsNormParameters) == 296, "as Java packs it");

// Sums of columns, a bias's gradient.
struct ColumnSumsParameters {
  Array input;         // shape
  a4j_address parts;   // scratch: wide [parts][C], to be summed by sum_parts
  a4j_int64 shape[4];  // the last is C, the others multiply to N
  a4j_int64 part_rows;
};
static_assert(sizeof(ColumnSumsParameters) == 96, "as Java packs it");

// Sum of squares in float64 whatever the type.
struct SumOfSquaresParameters {
  Array input;
  a4j_address parts;  // scratch: float64 [parts], to be summed by sum_parts with columns = 1
  a4j_int64 shape[4];
};
static_assert(sizeof(SumOfSquaresParameters) == 88, "as Java packs it");

// Sums parts [count][columns] into an array [columns].
struct SumPartsParameters {
  Array sums;  // in stride 3
  a4j_address parts;
  a4j_int64 columns;
  a4j_int64 count;
  a4j_int32 part_type;  // kFloat32 or kFloat64
  a4j_int32 unused;
};
static_assert(sizeof(SumPartsParameters) == 80, "as Java packs it");

// AdamW, PyTorch's formula, in place. All of one shape.
struct AdamWParameters {
  Array parameters;
  Array gradients;
  Array first_moment;
  Array second_moment;
  a4j_int64 shape[4];
  double learning_rate;
  double beta1;
  double beta2;
  double epsilon;
  double weight_decay;
  double first_correction;   // 1 - beta1^step
  double second_correction;  // 1 - beta2^step
  double gradient_scale;
};
static_assert(sizeof(AdamWParameters) == 288, "as Java packs it");

// Softmax over logits that come in chunks of columns. The host computes a chunk's logits by a
// product, launches cross_entropy_statistics (the first chunk with first = 1, then the others in
// order) and, after the last, cross_entropy_finish. For gradients it computes each chunk again and
// launches cross_entropy_gradient, which of the results needs log_sum_exp alone.
struct CrossEntropyParameters {
  Array logits;              // [N, columns] in strides 2 and 3, float32 or float64
  Array logit_gradient;      // the same shape, any type; may be `logits`
  Array losses;              // [N] in stride 3
  Array log_sum_exp;         // [N] in stride 3
  Array loss_gradients;      // [N] in stride 3
  a4j_address targets;       // int32 [N], negative where a row does not count
  a4j_address row_maximum;   // scratch: wide [N]
  a4j_address row_sum;       // scratch: wide [N]
  a4j_address row_target;    // scratch: wide [N], the target's logit
  a4j_int64 rows;            // N
  a4j_int64 first_column;    // of the chunk, in the vocabulary
  a4j_int64 columns;         // of the chunk
  a4j_int32 first;
  a4j_int32 type;  // of everything wide: kFloat32 or kFloat64
};
static_assert(sizeof(CrossEntropyParameters) == 304, "as Java packs it");
