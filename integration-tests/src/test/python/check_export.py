"""Has transformers load what ExportTest exported, and compares its logits with ours.

Run after the integration tests, with the versions named in make_fixtures.py:

    python integration-tests/src/test/python/check_export.py integration-tests/target/exports/*

Each directory holds a model and `check.safetensors`: input_ids and document_ids [B, T], and the
logits [B, T, V] of the anchor mask with per-document positions. The logits must agree to 1e-4 in
float32, padding apart, and the weights in the file must be all the model has and in the type that
config.json names. Ends with 1 if a model fails.
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

import fixture_models
import fixture_rows

TOLERANCE = 1e-4


def check(directory):
    """Returns the largest difference of a logit."""
    expected = load_file(directory / "check.safetensors")
    config = json.loads((directory / "config.json").read_text())
    loaded = AutoConfig.from_pretrained(directory)
    # What transformers makes of the file must be what the file says: nothing defaulted.
    for key, value in config["rope_parameters"].items():
        assert loaded.rope_parameters[key] == value, (key, value, loaded.rope_parameters)
    model, report = AutoModelForCausalLM.from_pretrained(
        directory, dtype="auto", attn_implementation="eager", output_loading_info=True
    )
    assert not any(report.values()), report
    assert str(model.dtype) == f"torch.{config['dtype']}", model.dtype
    # Not model.float(): that would round the rotary frequencies to the stored type first.
    model = AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager"
    )
    documents = expected["document_ids"].long()
    with torch.no_grad():
        logits = fixture_models.logits(
            model, expected["input_ids"].long(), documents, "anchor", "per-document"
        )
    counts = documents != fixture_rows.PADDING
    return float((logits - expected["logits"])[counts].abs().max())


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    failed = False
    for argument in sys.argv[1:]:
        difference = check(pathlib.Path(argument))
        verdict = "ok" if difference <= TOLERANCE else "FAILED"
        failed |= difference > TOLERANCE
        print(f"{verdict:6} {difference:.1e} {argument}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
