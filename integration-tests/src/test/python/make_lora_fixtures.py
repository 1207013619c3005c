"""Makes the golden fixtures of adapters: what PEFT writes, computes and trains on tiny checkpoints.

Made with peft 0.21.2 and the versions named in make_fixtures.py, whose fixtures come first: when
those are made anew, so are these.

    python integration-tests/src/test/python/make_lora_fixtures.py integration-tests/src/test/resources/fixtures

Each fixture is a directory with adapter_config.json and adapter_model.safetensors as PEFT writes
them, and beside them `expected.safetensors`: the rows of make_fixtures.py, the logits of the
scoring rows and the losses and gradient norms of ten AdamW updates of the adapter alone, from
these A and B, under the names of make_fixtures.py. All in float32, whatever the base is stored in.
"""

import json
import pathlib
import sys

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import get_cosine_with_min_lr_schedule_with_warmup

import make_fixtures
from make_fixtures import TRAINING

MASK, POSITIONS = "anchor", "per-document"

# Name -> (what it is for, base, options)
FIXTURES = {
    "lora-list": (
        "names of modules; alpha is no multiple of r",
        "llama-gqa",
        dict(r=4, lora_alpha=6, target_modules=["q_proj", "v_proj", "down_proj"]),
    ),
    "lora-all-linear": (
        "all-linear on a tied base stored in bfloat16, rsLoRA",
        "llama3-tied-sharded",
        dict(r=3, lora_alpha=2, target_modules="all-linear", use_rslora=True),
    ),
    "lora-pattern": (
        "a regular expression that meets one of two layers, on maps with biases",
        "llama-linear-bias",
        dict(r=2, lora_alpha=4, target_modules=r".*layers\.1\..*(o_proj|gate_proj)"),
    ),
}


def adapted(base, options):
    torch.manual_seed(5)
    config = LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **options)
    model = get_peft_model(make_fixtures.load(base, torch.float32), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:  # PEFT starts it at 0, where A has no gradient.
                parameter.copy_(0.2 * torch.randn_like(parameter))
    return model


def logits(model, tokens, documents):
    return make_fixtures.logits(model.get_base_model(), tokens, documents, MASK, POSITIONS)


def train(model, tokens, documents):
    adamw, schedule = TRAINING["adamw"], TRAINING["schedule"]
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=TRAINING["learningRate"], betas=(adamw["beta1"], adamw["beta2"]),
        eps=adamw["epsilon"], weight_decay=adamw["weightDecay"],
    )
    rates = get_cosine_with_min_lr_schedule_with_warmup(
        optimizer, schedule["warmupSteps"], TRAINING["steps"], min_lr_rate=schedule["finalRatio"]
    )
    losses, norms = [], []
    for step in range(TRAINING["steps"]):
        rows = slice(step * TRAINING["batchSize"], (step + 1) * TRAINING["batchSize"])
        targets = make_fixtures.shifted_targets(tokens[rows], documents[rows], "ignore")
        loss = make_fixtures.mean_loss(logits(model, tokens[rows], documents[rows]), targets)
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, TRAINING["gradientClip"]).detach())
        optimizer.step()
        rates.step()
        losses.append(loss.detach())
    return torch.stack(losses), torch.stack(norms)


def make_fixture(fixtures, name):
    about, base, options = FIXTURES[name]
    directory = fixtures / name
    model = adapted(fixtures / base, options)
    model.save_pretrained(directory)
    (directory / "README.md").unlink()
    file = directory / "adapter_config.json"
    config = json.loads(file.read_text())
    config["base_model_name_or_path"] = f"../{base}"
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # PEFT writes a set, in any order.
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")

    scoring, training = make_fixtures.scoring_rows(), make_fixtures.training_rows()
    with torch.no_grad():
        scores = logits(model, *scoring)
    scores[scoring[1] == make_fixtures.PADDING] = 0
    losses, norms = train(model, *training)
    tensors = {
        f"{MASK}/{POSITIONS}/logits": scores,
        f"training/{MASK}/{POSITIONS}/losses": losses,
        f"training/{MASK}/{POSITIONS}/gradient_norms": norms,
        "input_ids": scoring[0].int(),
        "document_ids": scoring[1].int(),
        f"{POSITIONS}/position_ids": make_fixtures.position_ids(scoring[1], POSITIONS).int(),
        "training/input_ids": training[0].int(),
        "training/document_ids": training[1].int(),
    }
    save_file({k: v.contiguous() for k, v in tensors.items()}, directory / "expected.safetensors")
    description = {
        "about": about,
        "base": base,
        "madeWith": {
            "torch": torch.__version__.split("+")[0],
            "transformers": transformers.__version__,
            "peft": peft.__version__,
        },
        "training": TRAINING,
    }
    (directory / "fixture.json").write_text(json.dumps(description, indent=2) + "\n")
    print(name, [round(float(x), 4) for x in losses])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    for name in FIXTURES:
        make_fixture(pathlib.Path(sys.argv[1]), name)


if __name__ == "__main__":
    main()
