"""Makes golden/rotary.json: rotary frequencies as transformers computes them, for every scaling.

Made with torch 2.15.0 and transformers 5.23.0. Run from the repository's root:

    python samediff-ops/src/test/python/make_rotary_golden.py \
        > samediff-ops/src/test/resources/golden/rotary.json

Each case holds the configuration in transformers' words, the head dimension, the largest position
of the row (which dynamic scaling depends on), and transformers' inverse frequencies (float32) and
attention factor.
"""

import json

import torch
import transformers
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

LONGROPE = dict(
    rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=4096,
    short_factor=[1.0, 1.02, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0],
    long_factor=[1.05, 1.3, 2.1, 4.4, 9.7, 20.5, 33.0, 61.5],
)

# head_dim, max_position_embeddings, largest position, rope_parameters
CASES = [
    (64, 2048, 100, dict(rope_type="default", rope_theta=10000.0)),
    (128, 8192, 100, dict(rope_type="default", rope_theta=500000.0)),
    (2, 32, 100, dict(rope_type="default", rope_theta=10000.0)),
    (6, 32, 100, dict(rope_type="linear", rope_theta=10000.0, factor=1.0)),
    (64, 2048, 100, dict(rope_type="linear", rope_theta=10000.0, factor=8.0)),
    (64, 2048, 2047, dict(rope_type="dynamic", rope_theta=10000.0, factor=2.0)),
    (64, 2048, 2048, dict(rope_type="dynamic", rope_theta=10000.0, factor=2.0)),
    (128, 2048, 131071, dict(rope_type="dynamic", rope_theta=500000.0, factor=16.0)),
    (4, 16, 39, dict(rope_type="dynamic", rope_theta=10000.0, factor=1.5)),
    (128, 131072, 100, dict(
        rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0,
        high_freq_factor=4.0, original_max_position_embeddings=8192)),
    (64, 131072, 100, dict(
        rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0,
        high_freq_factor=4.0, original_max_position_embeddings=8192)),
    (8, 64, 100, dict(
        rope_type="llama3", rope_theta=10000.0, factor=4.0, low_freq_factor=1.0,
        high_freq_factor=4.0, original_max_position_embeddings=32)),
    (128, 65536, 100, dict(
        rope_type="yarn", rope_theta=10000.0, factor=16.0, original_max_position_embeddings=4096)),
    (64, 131072, 100, dict(
        rope_type="yarn", rope_theta=1000000.0, factor=4.0, beta_fast=16.0, beta_slow=2.0,
        attention_factor=1.25, original_max_position_embeddings=32768)),
    (64, 131072, 100, dict(
        rope_type="yarn", rope_theta=150000.0, factor=32.0, truncate=False,
        original_max_position_embeddings=4096)),
    (16, 64, 100, dict(
        rope_type="yarn", rope_theta=10000.0, factor=4.0, beta_fast=4.0,
        original_max_position_embeddings=16)),
    # Up to the original length the short list, beyond it the long one.
    (16, 131072, 4095, dict(LONGROPE, factor=32.0)),
    (16, 131072, 4096, dict(LONGROPE, factor=32.0)),
    (16, 131072, 131071, dict(LONGROPE)),
    (16, 4096, 10, dict(LONGROPE)),
    (16, 131072, 5000, dict(LONGROPE, attention_factor=1.25)),
    # The ramp's two ends fall together; a factor of 1 leaves the attention factor at 1.
    (2, 64, 100, dict(
        rope_type="yarn", rope_theta=10000.0, factor=1.0, original_max_position_embeddings=64)),
]


def golden(head_dim, max_positions, largest_position, rope):
    config = LlamaConfig(
        hidden_size=2 * head_dim, num_attention_heads=2, head_dim=head_dim,
        max_position_embeddings=max_positions, rope_parameters=dict(rope),
    )
    if rope["rope_type"] == "default":
        frequencies, factor = LlamaRotaryEmbedding.compute_default_rope_parameters(config)
    else:
        frequencies, factor = ROPE_INIT_FUNCTIONS[rope["rope_type"]](
            config, device=torch.device("cpu"), seq_len=largest_position + 1
        )
    return {
        "headDim": head_dim,
        "maxPositions": max_positions,
        "largestPosition": largest_position,
        "rope": rope,
        "inverseFrequencies": [float(f"{f:.9g}") for f in frequencies.tolist()],
        "attentionFactor": factor,
    }


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    cases = ",\n".join(json.dumps(golden(*case)) for case in CASES)
    print(f'{{"transformers": "{transformers.__version__}", "cases": [\n{cases}\n]}}')
