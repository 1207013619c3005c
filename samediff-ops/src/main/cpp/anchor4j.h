// The C interface of the cpu kernels: what Java calls, and nothing else crosses the border.
//
// Every function takes the instruction set to compute with, returns a status and throws nothing.
// Arrays are described by address, type, shape and strides in elements; nothing is read or written
// outside them. Calls from several threads are served one after the other, each by all threads.
//
// Letters: B batch, H query heads, Hkv key/value heads, Tq queries, T tokens, D head dimension,
// N rows, C channels.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Status of a call.
#define A4J_OK 0
#define A4J_OUT_OF_MEMORY 1
#define A4J_UNSUPPORTED 2  // an instruction set that this processor or build lacks
#define A4J_FAILED 3       // oneDNN refused a product, which it never should

// Instruction sets, slowest first.
#define A4J_SCALAR 0
#define A4J_AVX2 1
#define A4J_AVX512 2
#define A4J_AVX512_BF16 3
#define A4J_AMX_BF16 4
#define A4J_ISAS 5

// Types of elements.
#define A4J_FLOAT32 0
#define A4J_BFLOAT16 1
#define A4J_FLOAT16 2

// Precisions, in the order of io.anchor4j.attention.Precision.
#define A4J_PRECISION_FLOAT32 0
#define A4J_PRECISION_BFLOAT16 1
#define A4J_PRECISION_COMPENSATED 2

// Pairings, in the order of io.anchor4j.rotary.RotaryConfig.Pairing.
#define A4J_HALF_SPLIT 0
#define A4J_INTERLEAVED 1

typedef struct a4j_array {
  void* data;
  int32_t type;
  int64_t shape[4];   // unused dimensions come first and are 1
  int64_t stride[4];  // in elements
} a4j_array;

// A document of a row: tokens [start, end) of a4j_attention.tokens.
typedef struct a4j_span {
  int32_t start;
  int32_t end;
  int32_t sees_anchors;  // whether it also sees the row's first `anchors` tokens
  int32_t windowed;      // whether the window bounds what it sees of itself
} a4j_span;

// One attention over a whole batch. The mask comes in the form of
// io.anchor4j.attention.DocumentMask, whose size grows with T alone.
typedef struct a4j_attention {
  int32_t precision;
  int32_t causal;
  int32_t window;  // 0 for none
  float scale;
  int32_t pairing;
  int32_t rotary_pairs;        // 0 for no rotation
  const float* angles;         // [B][T][pairs][2]: cosine, sine
  const float* slopes;         // ALiBi: [H], or null
  const int32_t* positions;    // [B][T]
  const int32_t* tokens;       // [B][T]: each row's tokens document by document, no padding
  const a4j_span* spans;       // of all rows, one row after the other
  const int32_t* span_starts;  // [B + 1]: the spans of row b are [span_starts[b], span_starts[b+1])
  const int32_t* anchors;      // [B]: how many tokens of `tokens` lead as anchors
  a4j_array query;             // [B, H, Tq, D], the last Tq of the row's T tokens
  a4j_array key;               // [B, Hkv, T, D]
  a4j_array value;             // [B, Hkv, T, D]
  a4j_array output;            // [B, H, Tq, D]
  a4j_array log_sum_exp;       // [B, H, Tq], float32 (shape [1, B, H, Tq])
  a4j_array output_gradient;   // from here on: for the gradient only
  a4j_array query_gradient;
  a4j_array key_gradient;
  a4j_array value_gradient;
} a4j_attention;

// The numbers of one AdamW update, as in io.anchor4j.kernel.AdamWStep.
typedef struct a4j_adamw_step {
  double learning_rate;
  double beta1;
  double beta2;
  double epsilon;
  double weight_decay;
  double first_correction;   // 1 - beta1^step
  double second_correction;  // 1 - beta2^step
  double gradient_scale;
} a4j_adamw_step;

// What it takes to compute with an instruction set and is not here.
#define A4J_LACKS_NOTHING 0
#define A4J_LACKS_KERNELS 1     // this build has none for it
#define A4J_LACKS_PROCESSOR 2   // the processor has not got it
#define A4J_LACKS_PERMISSION 3  // the system does not let this process use it

int a4j_lacks(int isa);

// Sets how many threads compute a call, the caller's among them; at least 1.
void a4j_set_threads(int threads);
int a4j_threads(void);

int a4j_attention_forward(int isa, const a4j_attention* attention);
int a4j_attention_backward(int isa, const a4j_attention* attention);

// Rows along dimension 3; a gain holds as many elements as a row, in any shape. Here and below the
// gradient of a gain, weight or bias may be null: it is then not computed.
int a4j_rms_norm(int isa, double epsilon, const a4j_array* input, const a4j_array* gain,
                 const a4j_array* output);
int a4j_rms_norm_gradient(int isa, double epsilon, const a4j_array* input, const a4j_array* gain,
                          const a4j_array* output_gradient, const a4j_array* input_gradient,
                          const a4j_array* gain_gradient);

// All of one shape.
int a4j_gated_silu(int isa, const a4j_array* gate, const a4j_array* up, const a4j_array* output);
int a4j_gated_silu_gradient(int isa, const a4j_array* gate, const a4j_array* up,
                            const a4j_array* output_gradient, const a4j_array* gate_gradient,
                            const a4j_array* up_gradient);

// Turns `heads` [B, H, T, D] forth, or back if `inverse`, by angles [B][T][pairs][2].
int a4j_rotary(int isa, int inverse, int pairing, int pairs, const float* angles,
               const a4j_array* heads, const a4j_array* rotated);

// Updates parameters and moments in place; all of one shape.
int a4j_adamw(int isa, const a4j_adamw_step* step, const a4j_array* parameters,
              const a4j_array* gradients, const a4j_array* first_moment,
              const a4j_array* second_moment);

// Sets `sum`, the same bits on every instruction set.
int a4j_sum_of_squares(int isa, const a4j_array* array, double* sum);

// Arrays and meaning are those of io.anchor4j.kernel.KernelProvider; `bias` may be null. Products
// are oneDNN's, which chooses its instructions itself whatever `isa` says, but for linear of a few
// rows.
int a4j_linear(int isa, int precision, const a4j_array* input, const a4j_array* weight,
               const a4j_array* bias, const a4j_array* output);
int a4j_linear_gradient(int isa, int precision, const a4j_array* input, const a4j_array* weight,
                        const a4j_array* output_gradient, const a4j_array* input_gradient,
                        const a4j_array* weight_gradient, const a4j_array* bias_gradient);

// `targets` are [N], negative where a row does not count.
int a4j_cross_entropy(int isa, int precision, const a4j_array* hidden, const a4j_array* weight,
                      const int32_t* targets, const a4j_array* losses,
                      const a4j_array* log_sum_exp);
int a4j_cross_entropy_gradient(int isa, int precision, const a4j_array* hidden,
                               const a4j_array* weight, const int32_t* targets,
                               const a4j_array* log_sum_exp, const a4j_array* loss_gradients,
                               const a4j_array* hidden_gradient, const a4j_array* weight_gradient);

// Between the two, what is packed of weights within [data, data + bytes) is kept: for a caller who
// promises that these do not change.
int a4j_hold_weights(const void* data, int64_t bytes);
int a4j_release_weights(const void* data);

#ifdef __cplusplus
}
#endif
