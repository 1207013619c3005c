"""Makes the golden fixtures: tiny Llama checkpoints and what transformers computes from them.

Made with torch 2.15.0 and transformers 5.23.0 on CPU. Run from the repository's root:

    python integration-tests/src/test/python/make_fixtures.py integration-tests/src/test/resources/fixtures

Each fixture is a directory as transformers writes it (config.json, safetensors) and beside it
`expected.safetensors`: the inputs and, for every mask and both kinds of positions, the float32
results. Names are `MASK/POSITIONS/WHAT`. Letters: B batch, T tokens, V vocabulary.

  input_ids, document_ids       int32 [B, T]
  targets.ignore, targets.keep  int32 [B, T]; what output t must predict, -100 where nothing counts
  POSITIONS/position_ids        int32 [B, T]
  .../logits                    [B, T, V]; meaningless (0 here) where the token is padding
  .../nll                       [B, T]; of the next token whatever its document, 0 next to padding
  .../loss.ignore, loss.keep    scalars
  .../gradient/PARAMETER        of loss.ignore (anchor, per-document positions alone), in the checkpoint's names and orientation
  training/...                  rows, and losses and gradient norms of ten AdamW updates

transformers honours an explicit additive 4-D mask only with eager attention, and dynamic scaling
there depends on the whole batch and on earlier calls: such rows are computed one at a time, with
fresh state. Everything is computed a second time with norms, softmax and angles in float64 too
(transformers casts those three to float32 whatever the model's type): fixture.json records how far
float32 itself is from that.
"""

import json
import math
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, get_cosine_with_min_lr_schedule_with_warmup
from transformers.models.llama import modeling_llama

MASKS = ("full", "intra-document", "anchor")
POSITIONS = ("continuous", "per-document")
ANCHOR, PADDING, IGNORED = 0, -1, -100
TOKENS = 40
VOCABULARY = 96

TRAINING = {
    "steps": 10,
    "batchSize": 2,
    "sequenceLength": 32,
    "learningRate": 0.004,
    "schedule": {"type": "cosine", "warmupSteps": 2, "finalRatio": 0.1},
    "adamw": {"beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weightDecay": 0.1},
    "gradientClip": 1.0,
}

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

# Name -> (what it is for, config, dtype of the file, bytes of a shard, older config layout)
FIXTURES = {
    "llama-gqa": (
        "grouped-query attention, head_dim apart from hidden_size / heads, rope_parameters layout",
        dict(BASE, hidden_size=48, num_attention_heads=6, num_key_value_heads=2, head_dim=16),
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
}


# ---------------------------------------------------------------- rows, masks, targets

def scoring_rows():
    """Row 0: unsorted, interleaved ids, two anchors, padding within and behind. Row 1: in order."""
    interleaved = (
        [0, 5, 5, 5, 2, 2, 5, 11, 11, 0, 2, 2, 11, 5, 5, 2, 11, -1, 11, 5]
        + [7, 7, 2, 7, 11, 11, 5, 7, 7, 2, 2, 5, 5, 7, 11, 2] + [-1] * 4
    )
    in_order = [0] + [1] * 12 + [2] * 10 + [3] * 17
    documents = torch.tensor([interleaved, in_order])
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(3, VOCABULARY, documents.shape, generator=generator)
    tokens[documents == ANCHOR] = 1
    tokens[documents == PADDING] = 0
    return tokens, documents


def training_rows():
    """Rows that can be learned: a token mostly decides the next one of its document."""
    generator = torch.Generator().manual_seed(2)
    draw = lambda low, high: int(torch.randint(low, high, (1,), generator=generator))
    rows = TRAINING["steps"] * TRAINING["batchSize"]
    length = TRAINING["sequenceLength"]
    documents = torch.full((rows, length), PADDING)
    tokens = torch.zeros((rows, length), dtype=torch.long)
    for row in range(rows):
        documents[row, 0], tokens[row, 0] = ANCHOR, 1
        end = length - draw(0, 6)
        document, last = 1, {}
        for t in range(1, end):
            if draw(0, 6) == 0:
                # Every other row returns to earlier documents: ids interleave.
                document = draw(1, 5) if row % 2 else document + 1
            seen = last.get(document, draw(3, VOCABULARY))
            last[document] = (5 * seen + 7) % (VOCABULARY - 3) + 3 if draw(0, 5) else draw(3, VOCABULARY)
            documents[row, t], tokens[row, t] = document, last[document]
    return tokens, documents


def position_ids(documents, kind):
    """Continuous: the index. Per document: anchors first, every document counts on from them."""
    if kind == "continuous":
        return torch.arange(documents.shape[1]).expand_as(documents).clone()
    positions = torch.zeros_like(documents)
    for row, ids in enumerate(documents.tolist()):
        anchors = ids.count(ANCHOR)
        counts = {}
        for t, document in enumerate(ids):
            if document != PADDING:
                counts.setdefault(document, 0 if document == ANCHOR else anchors)
                positions[row, t] = counts[document]
                counts[document] += 1
    return positions


def additive_mask(documents, mask, dtype):
    """[B, 1, T, T]: 0 where query q sees key k, the least number elsewhere.

    A padding query sees itself, lest its softmax be over nothing: no other token sees padding, so
    nothing that counts depends on it.
    """
    tokens = documents.shape[1]
    query, key = documents[:, :, None], documents[:, None, :]
    visible = torch.ones(tokens, tokens, dtype=torch.bool).tril().expand(len(documents), -1, -1)
    if mask == "intra-document":
        visible = visible & (query == key)
    elif mask == "anchor":
        visible = visible & ((query == key) | (key == ANCHOR))
    visible = visible & (query != PADDING) & (key != PADDING)
    visible = visible | torch.eye(tokens, dtype=torch.bool)
    allowed = torch.zeros(visible.shape, dtype=dtype)
    return allowed.masked_fill(~visible, torch.finfo(dtype).min)[:, None]


def shifted_targets(tokens, documents, boundary_labels):
    targets = torch.full_like(tokens, IGNORED)
    counts = (documents[:, :-1] != PADDING) & (documents[:, 1:] != PADDING)
    if boundary_labels == "ignore":
        counts &= documents[:, :-1] == documents[:, 1:]
    targets[:, :-1] = torch.where(counts, tokens[:, 1:], IGNORED)
    return targets


# ---------------------------------------------------------------- models

def make_checkpoint(directory, name):
    about, config, dtype, shard, older = FIXTURES[name]
    torch.manual_seed(sum(name.encode()))
    model = LlamaForCausalLM(LlamaConfig(**config))
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
    config["rope_scaling"] = {type_key: rope.pop("rope_type"), **rope}
    config["torch_dtype"] = config.pop("dtype")
    config.pop("head_dim")
    if config["num_key_value_heads"] == config["num_attention_heads"]:
        config.pop("num_key_value_heads")
    config["transformers_version"] = "4.40.0"
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def load(directory, dtype):
    model = LlamaForCausalLM.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager"
    )
    return model.to(dtype).train()


def logits(model, tokens, documents, mask, positions):
    dtype = next(model.parameters()).dtype
    additive = additive_mask(documents, mask, dtype)
    places = position_ids(documents, positions)
    if model.config.rope_parameters["rope_type"] != "dynamic":
        return model(tokens, attention_mask=additive, position_ids=places, use_cache=False).logits
    rows = []
    for b in range(len(tokens)):
        model.model.rotary_emb = modeling_llama.LlamaRotaryEmbedding(model.config)
        one = slice(b, b + 1)
        rows.append(
            model(
                tokens[one], attention_mask=additive[one], position_ids=places[one],
                use_cache=False,
            ).logits
        )
    return torch.cat(rows)


def losses(scores, targets):
    """[B, T], 0 where no target counts."""
    flat = torch.nn.functional.cross_entropy(
        scores.flatten(0, 1), targets.flatten(), reduction="none", ignore_index=IGNORED
    )
    return flat.view_as(targets)


def mean_loss(scores, targets):
    return losses(scores, targets).sum() / (targets != IGNORED).sum()


class InFloat64:
    """Replaces the three places where transformers computes in float32 whatever the model's type."""

    def __enter__(self):
        self.kept = (
            modeling_llama.LlamaRMSNorm.forward,
            modeling_llama.LlamaRotaryEmbedding.forward,
            torch.nn.functional.softmax,
        )
        softmax = torch.nn.functional.softmax

        def norm(module, x):
            scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + module.variance_epsilon)
            return module.weight * x * scale

        def rotary(module, x, positions):
            # The frequencies stay those of transformers' float32: they are part of the model.
            angles = positions[..., None].double() * module.inv_freq.double()
            angles = torch.cat((angles, angles), dim=-1)
            return angles.cos() * module.attention_scaling, angles.sin() * module.attention_scaling

        modeling_llama.LlamaRMSNorm.forward = norm
        modeling_llama.LlamaRotaryEmbedding.forward = transformers.modeling_rope_utils.dynamic_rope_update(rotary)
        torch.nn.functional.softmax = lambda x, dim=None, dtype=None: softmax(x, dim=dim)

    def __exit__(self, *error):
        (
            modeling_llama.LlamaRMSNorm.forward,
            modeling_llama.LlamaRotaryEmbedding.forward,
            torch.nn.functional.softmax,
        ) = self.kept


# ---------------------------------------------------------------- what is expected

def forward_and_backward(model, tokens, documents):
    """Returns every expected tensor of the scoring rows."""
    result = {}
    any_next = shifted_targets(tokens, documents, "keep")
    for mask in MASKS:
        for positions in POSITIONS:
            case = f"{mask}/{positions}"
            model.zero_grad()
            scores = logits(model, tokens, documents, mask, positions)
            result[f"{case}/nll"] = losses(scores, any_next)
            for boundary in ("ignore", "keep"):
                targets = shifted_targets(tokens, documents, boundary)
                result[f"{case}/loss.{boundary}"] = mean_loss(scores, targets)
            result[f"{case}/logits"] = torch.where(
                (documents == PADDING)[..., None], torch.zeros_like(scores), scores
            )
            if (mask, positions) == ("anchor", "per-document"):
                result[f"{case}/loss.ignore"].backward()
                for name, parameter in model.named_parameters():
                    result[f"{case}/gradient/{name}"] = parameter.grad.clone()
    return {name: tensor.detach() for name, tensor in result.items()}


def train(directory, dtype, tokens, documents, mask, positions):
    """Returns losses and gradient norms before clipping, one an update."""
    model = load(directory, dtype)
    adamw, schedule = TRAINING["adamw"], TRAINING["schedule"]
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=TRAINING["learningRate"], betas=(adamw["beta1"], adamw["beta2"]),
        eps=adamw["epsilon"], weight_decay=adamw["weightDecay"],
    )
    rates = get_cosine_with_min_lr_schedule_with_warmup(
        optimizer, schedule["warmupSteps"], TRAINING["steps"], min_lr_rate=schedule["finalRatio"]
    )
    every_loss, every_norm = [], []
    for step in range(TRAINING["steps"]):
        rows = slice(step * TRAINING["batchSize"], (step + 1) * TRAINING["batchSize"])
        scores = logits(model, tokens[rows], documents[rows], mask, positions)
        loss = mean_loss(scores, shifted_targets(tokens[rows], documents[rows], "ignore"))
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), TRAINING["gradientClip"])
        optimizer.step()
        rates.step()
        every_loss.append(loss.detach())
        every_norm.append(norm.detach())
    return {
        f"training/{mask}/{positions}/losses": torch.stack(every_loss),
        f"training/{mask}/{positions}/gradient_norms": torch.stack(every_norm),
    }


def expected(directory, dtype, scoring, training):
    result = forward_and_backward(load(directory, dtype), *scoring)
    for mask in MASKS:
        for positions in POSITIONS:
            result.update(train(directory, dtype, *training, mask, positions))
    return result


def relative_error(actual, exact):
    return float((actual.double() - exact).abs().max() / exact.abs().max().clamp_min(1e-12))


def make_fixture(directory, name):
    about = make_checkpoint(directory, name)
    scoring, training = scoring_rows(), training_rows()
    single = expected(directory, torch.float32, scoring, training)
    with InFloat64():
        double = expected(directory, torch.float64, scoring, training)
    errors = {}
    for key, value in single.items():
        what = "gradient" if "/gradient/" in key else key.rsplit("/", 1)[1]
        errors[what] = max(errors.get(what, 0), relative_error(value, double[key]))

    tensors = {key: value.float().contiguous() for key, value in single.items()}
    integers = {
        "input_ids": scoring[0],
        "document_ids": scoring[1],
        "training/input_ids": training[0],
        "training/document_ids": training[1],
    }
    for boundary in ("ignore", "keep"):
        integers[f"targets.{boundary}"] = shifted_targets(*scoring, boundary)
        integers[f"training/targets.{boundary}"] = shifted_targets(*training, boundary)
    for positions in POSITIONS:
        integers[f"{positions}/position_ids"] = position_ids(scoring[1], positions)
        integers[f"training/{positions}/position_ids"] = position_ids(training[1], positions)
    tensors.update({key: value.int().contiguous() for key, value in integers.items()})
    save_file(tensors, directory / "expected.safetensors")

    description = {
        "about": about,
        "madeWith": {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__},
        "training": TRAINING,
        "float32ErrorRelativeToFloat64": {what: float(f"{e:.1e}") for what, e in sorted(errors.items())},
    }
    (directory / "fixture.json").write_text(json.dumps(description, indent=2) + "\n")
    print(name, description["float32ErrorRelativeToFloat64"])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    for name in FIXTURES:
        directory = pathlib.Path(sys.argv[1]) / name
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.iterdir():
            old.unlink()
        make_fixture(directory, name)


if __name__ == "__main__":
    main()
