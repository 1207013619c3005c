"""Makes the golden fixtures: tiny checkpoints and what transformers computes from them.

Made with torch 2.15.0 and transformers 5.23.0 on CPU. Run from the repository's root, for all of
them or those named:

    python integration-tests/src/test/python/make_fixtures.py integration-tests/src/test/resources/fixtures [NAME...]

Each fixture is a directory as transformers writes it (config.json, safetensors) and beside it
`expected.safetensors`: the inputs and, for every mask and both kinds of positions, the float32
results. Names are `MASK/POSITIONS/WHAT`. Letters: B batch, T tokens, V vocabulary.

  input_ids, document_ids       int32 [B, T]
  targets.ignore, targets.keep  int32 [B, T]; what output t must predict, -100 where nothing counts
  POSITIONS/position_ids        int32 [B, T]
  .../nll                       [B, T]; of the next token whatever its document, 0 next to padding
  .../nll.float64               the same, computed in float64
  .../loss.ignore, loss.keep    scalars
  scaling/KIND/.../nll          [B, T]; under another rotary scaling, in fixture.json
  generated/N/prompt, ids       int32 [1, n]; a prompt and the 24 ids that follow it greedily, from
                                transformers' generate with its cache, whatever ends a text

and, but for the fixtures in bfloat16, whose weights are those of the others in another type:

  .../logits                    [B, T, V] of full, continuous and anchor, per-document; meaningless (0 here) where the token is padding
  .../gradient/PARAMETER        of loss.ignore (anchor, per-document positions alone), in the checkpoint's names and orientation
  training/...                  rows, and losses and gradient norms of ten AdamW updates

transformers honours an explicit additive 4-D mask only with eager attention, and dynamic scaling
and LongRoPE there depend on the whole batch and on earlier calls: such rows are computed one at a
time, with fresh state. Everything is computed a second time with norms, softmax and angles in
float64 too (transformers casts those three to float32 whatever the model's type): fixture.json
records how far float32 itself is from that, and transformers' own bfloat16 (mean absolute error of
the losses that count).
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import get_cosine_with_min_lr_schedule_with_warmup

from fixture_models import (
    FIXTURES, UNDER_EVERY_SCALING, InFloat64, load, logits, make_checkpoint, scalings,
)
from fixture_rows import (
    IGNORED, PADDING, TRAINING, position_ids, prompts, scoring_rows, shifted_targets,
    training_rows,
)

MASKS = ("full", "intra-document", "anchor")
POSITIONS = ("continuous", "per-document")
WITH_LOGITS = (("full", "continuous"), ("anchor", "per-document"))
NEW_TOKENS = 24


def losses(scores, targets):
    """[B, T], 0 where no target counts."""
    flat = torch.nn.functional.cross_entropy(
        scores.flatten(0, 1), targets.flatten(), reduction="none", ignore_index=IGNORED
    )
    return flat.view_as(targets)


def mean_loss(scores, targets):
    return losses(scores, targets).sum() / (targets != IGNORED).sum()


def is_light(name):
    return name.endswith("-bfloat16")


def forward_and_backward(model, tokens, documents, light):
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
            if not light and (mask, positions) in WITH_LOGITS:
                result[f"{case}/logits"] = torch.where(
                    (documents == PADDING)[..., None], torch.zeros_like(scores), scores
                )
            if not light and (mask, positions) == ("anchor", "per-document"):
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


def every_nll(model, tokens, documents):
    """Returns case -> nll."""
    targets = shifted_targets(tokens, documents, "keep")
    with torch.no_grad():
        return {
            f"{mask}/{positions}/nll": losses(
                logits(model, tokens, documents, mask, positions), targets
            )
            for mask in MASKS
            for positions in POSITIONS
        }


def under_every_scaling(directory, tokens, documents):
    """Returns the scalings, and the expected tensors under each."""
    config = json.loads((directory / "config.json").read_text())
    head_dim = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    kinds = scalings(head_dim)
    result = {}
    for kind, overrides in kinds.items():
        model = load(directory, torch.float32, rope_scaling=None, **json.loads(json.dumps(overrides)))
        assert model.config.rope_parameters["rope_type"] == overrides["rope_parameters"]["rope_type"]
        for case, nll in every_nll(model, tokens, documents).items():
            result[f"scaling/{kind}/{case}"] = nll
    return kinds, result


def generated(directory):
    """Greedy ids; no two best logits may be so near that rounding decides."""
    result = {}
    for n, prompt in enumerate(prompts()):
        model = load(directory, torch.float32).eval()
        model.generation_config.eos_token_id = None
        output = model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False,
            max_new_tokens=NEW_TOKENS, output_logits=True, return_dict_in_generate=True,
        )
        best = torch.stack(output.logits).topk(2).values
        assert float((best[..., 0] - best[..., 1]).min()) > 1e-3, "a near tie"
        result[f"generated/{n}/prompt"] = prompt
        result[f"generated/{n}/ids"] = output.sequences[:, prompt.shape[1]:]
        assert result[f"generated/{n}/ids"].shape[1] == NEW_TOKENS
    return result


def expected(directory, dtype, scoring, training, light):
    result = forward_and_backward(load(directory, dtype), *scoring, light)
    for mask in () if light else MASKS:
        for positions in POSITIONS:
            result.update(train(directory, dtype, *training, mask, positions))
    return result


def relative_error(actual, exact):
    return float((actual.double() - exact).abs().max() / exact.abs().max().clamp_min(1e-12))


def rounded(error):
    return float(f"{error:.2e}")


def make_fixture(directory, name):
    about = make_checkpoint(directory, name)
    light = is_light(name)
    scoring, training = scoring_rows(), training_rows()
    single = expected(directory, torch.float32, scoring, training, light)
    with InFloat64():
        double = expected(directory, torch.float64, scoring, training, light)
    errors = {}
    for key, value in single.items():
        what = "gradient" if "/gradient/" in key else key.rsplit("/", 1)[1]
        errors[what] = max(errors.get(what, 0), relative_error(value, double[key]))
    counts = shifted_targets(*scoring, "keep") != IGNORED
    bfloat16_errors = {
        case.removesuffix("/nll"): rounded(float((nll.double() - double[case])[counts].abs().mean()))
        for case, nll in every_nll(load(directory, torch.bfloat16), *scoring).items()
    }

    tensors = {key: value.float().contiguous() for key, value in single.items()}
    for key, value in double.items():
        if key.endswith("/nll"):
            tensors[f"{key}.float64"] = value.contiguous()
    integers = {"input_ids": scoring[0], "document_ids": scoring[1], **generated(directory)}
    for boundary in ("ignore", "keep"):
        integers[f"targets.{boundary}"] = shifted_targets(*scoring, boundary)
    for positions in POSITIONS:
        integers[f"{positions}/position_ids"] = position_ids(scoring[1], positions)
    if not light:
        integers["training/input_ids"], integers["training/document_ids"] = training
        for boundary in ("ignore", "keep"):
            integers[f"training/targets.{boundary}"] = shifted_targets(*training, boundary)
        for positions in POSITIONS:
            integers[f"training/{positions}/position_ids"] = position_ids(training[1], positions)
    description = {
        "about": about,
        "madeWith": {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__},
        "training": TRAINING,
        "float32ErrorRelativeToFloat64": {what: float(f"{e:.1e}") for what, e in sorted(errors.items())},
        "bfloat16MeanErrorOfLosses": bfloat16_errors,
    }
    if name in UNDER_EVERY_SCALING:
        description["scalings"], others = under_every_scaling(directory, *scoring)
        tensors.update({key: value.float().contiguous() for key, value in others.items()})
    tensors.update({key: value.int().contiguous() for key, value in integers.items()})
    save_file(tensors, directory / "expected.safetensors")
    (directory / "fixture.json").write_text(json.dumps(description, indent=2) + "\n")
    print(name, description["float32ErrorRelativeToFloat64"], bfloat16_errors)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    for name in sys.argv[2:] or FIXTURES:
        directory = pathlib.Path(sys.argv[1]) / name
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.iterdir():
            old.unlink()
        make_fixture(directory, name)


if __name__ == "__main__":
    main()
