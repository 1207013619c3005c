"""The models of the fixtures: which there are, their checkpoints, their logits under a mask."""

import json
import math

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.llama import modeling_llama
from transformers.models.mistral import modeling_mistral
from transformers.models.qwen2 import modeling_qwen2
from transformers.models.qwen3 import modeling_qwen3
from transformers.models.smollm3 import modeling_smollm3

from fixture_rows import ANCHOR, PADDING, VOCABULARY, position_ids

MODELING = (modeling_llama, modeling_mistral, modeling_qwen2, modeling_qwen3, modeling_smollm3)

# Scalings of which transformers depends on the whole batch and on earlier calls.
BY_LENGTH = ("dynamic", "longrope")

BASE = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=56,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=64,
    rms_norm_eps=1e-5,
    bos_token_id=1,
    eos_token_id=2,
)


def spread(pairs, first, last):
    """Factors of LongRoPE, one a pair."""
    return [round(first + (last - first) * i / max(1, pairs - 1), 3) for i in range(pairs)]


MISTRAL = dict(
    BASE, model_type="mistral", hidden_size=36, intermediate_size=44, num_key_value_heads=2,
    head_dim=12, sliding_window=7,
)
QWEN2 = dict(
    BASE, model_type="qwen2", hidden_size=30, intermediate_size=40, num_hidden_layers=3, num_attention_heads=6,
    num_key_value_heads=3, head_dim=8, tie_word_embeddings=True, use_sliding_window=True,
    sliding_window=6, max_window_layers=1,
    rope_parameters=dict(
        rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16,
    ),
)
QWEN3 = dict(
    BASE, model_type="qwen3", intermediate_size=44, num_hidden_layers=3, num_key_value_heads=1, head_dim=12,
    use_sliding_window=True, sliding_window=9,
    layer_types=["full_attention", "sliding_attention", "full_attention"],
    rope_parameters=dict(
        rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=20,
        short_factor=spread(6, 1, 1.5), long_factor=spread(6, 1, 6),
    ),
)
SMOLLM3 = dict(
    BASE, model_type="smollm3", intermediate_size=36, num_hidden_layers=4, num_key_value_heads=2,
    no_rope_layer_interval=2, mlp_bias=True, pad_token_id=0,
    use_sliding_window=True, sliding_window=11,
)

# Name -> (what it is for, config, dtype of the file, bytes of a shard, older config layout)
FIXTURES = {
    "llama-gqa": (
        "grouped-query attention, head_dim apart from hidden_size / heads, rope_parameters layout",
        dict(BASE, hidden_size=36, num_attention_heads=6, num_key_value_heads=2, head_dim=10),
        torch.float32, "1GB", None,
    ),
    "llama3-tied-sharded": (
        "Llama 3 scaling, tied embeddings, bfloat16 in shards, rope_theta and rope_scaling layout",
        dict(
            BASE, num_key_value_heads=1, tie_word_embeddings=True,
            rope_parameters=dict(
                rope_type="llama3", rope_theta=10000.0, factor=4.0, low_freq_factor=1.0,
                high_freq_factor=4.0, original_max_position_embeddings=32,
            ),
        ),
        torch.bfloat16, "20KB", "rope_type",
    ),
    "llama-yarn-half": (
        "YaRN, float16, no num_key_value_heads, rope_scaling layout with the kind under 'type'",
        dict(
            BASE, num_attention_heads=2,
            rope_parameters=dict(
                rope_type="yarn", rope_theta=10000.0, factor=4.0, beta_fast=4.0,
                original_max_position_embeddings=16,
            ),
        ),
        torch.float16, "1GB", "type",
    ),
    "llama-linear-bias": (
        "linear scaling, biases on attention and feed-forward",
        dict(
            BASE, num_key_value_heads=2, attention_bias=True, mlp_bias=True,
            rope_parameters=dict(rope_type="linear", rope_theta=5000.0, factor=2.0),
        ),
        torch.float32, "1GB", None,
    ),
    "llama-dynamic": (
        "dynamic NTK scaling over rows longer than max_position_embeddings",
        dict(
            BASE, num_key_value_heads=2, max_position_embeddings=16,
            rope_parameters=dict(rope_type="dynamic", rope_theta=10000.0, factor=2.0),
        ),
        torch.float32, "1GB", None,
    ),
    "mistral": (
        "a sliding window, head_dim apart from hidden_size / heads",
        MISTRAL, torch.float32, "1GB", None,
    ),
    "mistral-bfloat16": ("bfloat16, older layout", MISTRAL, torch.bfloat16, "1GB", "type"),
    "qwen2-tied": (
        "biases on query, key and value, tied, windows from max_window_layers on, YaRN, older layout",
        QWEN2, torch.float32, "1GB", "rope_type",
    ),
    "qwen2-bfloat16": ("bfloat16", dict(QWEN2, sliding_window=5), torch.bfloat16, "1GB", None),
    "qwen3": (
        "norms on query and key heads, a window by layer_types, LongRoPE",
        QWEN3, torch.float32, "1GB", None,
    ),
    "qwen3-bfloat16": ("bfloat16, older layout", QWEN3, torch.bfloat16, "1GB", "type"),
    "smollm3": (
        "every other layer without rotary and with a window, biases in the feed-forward part, tied",
        SMOLLM3, torch.float32, "1GB", None,
    ),
    "smollm3-bfloat16": ("bfloat16, older layout", SMOLLM3, torch.bfloat16, "1GB", "rope_type"),
}

# Fixtures, one a family, whose losses are also computed under each of SCALINGS.
UNDER_EVERY_SCALING = ("llama-gqa", "mistral", "qwen2-tied", "qwen3", "smollm3")


def scalings(head_dim):
    """Kind -> what it puts over config.json. Rows of 40 tokens are longer than every original."""
    rope = lambda kind, **rest: dict(
        max_position_embeddings=64, rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **rest)
    )
    pairs = head_dim // 2
    return {
        "default": rope("default"),
        "linear": rope("linear", factor=2.5),
        "dynamic": dict(rope("dynamic", factor=2.0), max_position_embeddings=16),
        "yarn": rope("yarn", factor=4.0, beta_fast=4.0, original_max_position_embeddings=16),
        "yarn-mscale": rope(
            "yarn", factor=4.0, beta_slow=0.5, mscale=1.5, mscale_all_dim=0.5, truncate=False,
            original_max_position_embeddings=16,
        ),
        "llama3": rope(
            "llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=16,
        ),
        # The per-document positions of the rows stay within 20: both lists are used.
        "longrope": rope(
            "longrope", original_max_position_embeddings=20,
            short_factor=spread(pairs, 1, 1.5), long_factor=spread(pairs, 1, 8),
        ),
    }


# ---------------------------------------------------------------- checkpoints

def make_checkpoint(directory, name):
    about, config, dtype, shard, older = FIXTURES[name]
    torch.manual_seed(sum(name.encode()))
    config = dict(config)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(config.pop("model_type", "llama"), **config), dtype=torch.float32
    )
    with torch.no_grad():
        # Weights far larger than at a training's start, so that attention is not nearly uniform
        # and a wrong mask, position or scale shows.
        for parameter_name, parameter in model.named_parameters():
            if "norm" in parameter_name:
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
            elif parameter_name.endswith("bias"):
                parameter.copy_(0.1 * torch.randn_like(parameter))
            elif "embed_tokens" in parameter_name:
                parameter.copy_(0.3 * torch.randn_like(parameter))
            else:
                parameter.copy_(torch.randn_like(parameter) * 1.4 / math.sqrt(parameter.shape[1]))
    model.to(dtype).save_pretrained(directory, max_shard_size=shard)
    if older is not None:
        write_older_layout(directory / "config.json", older)
    return about


def write_older_layout(file, type_key):
    config = json.loads(file.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    kind = rope.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else {type_key: kind, **rope}
    config["torch_dtype"] = config.pop("dtype")
    if config.get("head_dim") == config["hidden_size"] // config["num_attention_heads"]:
        config.pop("head_dim")
    if config["num_key_value_heads"] == config["num_attention_heads"]:
        config.pop("num_key_value_heads")
    if config["model_type"] in ("qwen2", "smollm3"):
        config.pop("layer_types")
    if config["model_type"] == "smollm3":
        config.pop("no_rope_layers")
    config["transformers_version"] = "4.40.0"
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def load(directory, dtype, **overrides):
    """`overrides` are put over config.json."""
    config = AutoConfig.from_pretrained(directory, **overrides)
    # bfloat16 at once, float64 afterwards: to(bfloat16) would round the rotary frequencies too.
    first = torch.bfloat16 if dtype == torch.bfloat16 else torch.float32
    model = AutoModelForCausalLM.from_pretrained(
        directory, config=config, dtype=first, attn_implementation="eager"
    )
    return model.to(dtype).train() if dtype != first else model.train()


# ---------------------------------------------------------------- masks and logits

def additive_mask(documents, mask, window, dtype):
    """[B, 1, T, T]: 0 where query q sees key k, the least number elsewhere.

    `window` is None or how far a token sees; anchors stay in sight where documents count. A padding
    query sees itself, lest its softmax be over nothing: no other token sees padding, so nothing
    that counts depends on it.
    """
    tokens = documents.shape[1]
    query, key = documents[:, :, None], documents[:, None, :]
    visible = torch.ones(tokens, tokens, dtype=torch.bool).tril().expand(len(documents), -1, -1)
    if mask == "intra-document":
        visible = visible & (query == key)
    elif mask == "anchor":
        visible = visible & ((query == key) | (key == ANCHOR))
    if window is not None:
        near = ~torch.ones(tokens, tokens, dtype=torch.bool).tril(-window)
        visible = visible & (near if mask == "full" else near | (key == ANCHOR))
    visible = visible & (query != PADDING) & (key != PADDING)
    visible = visible | torch.eye(tokens, dtype=torch.bool)
    allowed = torch.zeros(visible.shape, dtype=dtype)
    return allowed.masked_fill(~visible, torch.finfo(dtype).min)[:, None]


def attention_mask(config, documents, mask, dtype):
    """What the model takes: one mask, or one for each type of layer."""
    window = getattr(config, "sliding_window", None)
    if config.model_type in ("llama", "mistral"):
        return additive_mask(documents, mask, window, dtype)
    masks = {"full_attention": additive_mask(documents, mask, None, dtype)}
    if window is not None:
        masks["sliding_attention"] = additive_mask(documents, mask, window, dtype)
    return masks


def logits(model, tokens, documents, mask, positions):
    dtype = next(model.parameters()).dtype
    rows = [slice(None)]
    if model.config.rope_parameters["rope_type"] in BY_LENGTH:
        rows = [slice(b, b + 1) for b in range(len(tokens))]
    every = []
    for some in rows:
        if len(rows) > 1:
            model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
        every.append(
            model(
                tokens[some],
                attention_mask=attention_mask(model.config, documents[some], mask, dtype),
                position_ids=position_ids(documents[some], positions),
                use_cache=False,
            ).logits
        )
    return torch.cat(every)


class InFloat64:
    """Replaces the three places where transformers computes in float32 whatever the model's type."""

    def __enter__(self):
        softmax = torch.nn.functional.softmax

        def norm(module, x):
            scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + module.variance_epsilon)
            return module.weight * x * scale

        def rotary(module, x, positions):
            # The frequencies stay those of transformers' float32: they are part of the model.
            angles = positions[..., None].double() * module.inv_freq.double()
            angles = torch.cat((angles, angles), dim=-1)
            return angles.cos() * module.attention_scaling, angles.sin() * module.attention_scaling

        dynamic = transformers.modeling_rope_utils.dynamic_rope_update
        self.kept = [(torch.nn.functional, "softmax", softmax)]
        torch.nn.functional.softmax = lambda x, dim=None, dtype=None: softmax(x, dim=dim)
        for module in MODELING:
            for name, forward in (("RMSNorm", norm), ("RotaryEmbedding", dynamic(rotary))):
                (found,) = [c for n, c in vars(module).items() if n.endswith(name)]
                self.kept.append((found, "forward", found.forward))
                found.forward = forward

    def __exit__(self, *error):
        for owner, name, value in self.kept:
            setattr(owner, name, value)
