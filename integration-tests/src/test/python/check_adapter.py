"""Has PEFT load what LoraTest wrote, and compares its logits with ours.

Run after the integration tests, with the versions named in make_lora_fixtures.py:

    python integration-tests/src/test/python/check_adapter.py integration-tests/target/adapters/*

Each directory holds `adapter`, whose configuration names the base, `merged`, the same as an
ordinary model, and `check.safetensors`: input_ids and document_ids [B, T], and the logits [B, T, V]
of the anchor mask with per-document positions. The logits of the adapter on its base, of what PEFT
merges of the two, and of the merged model must agree with these to 1e-4, padding apart. Ends with
1 if one fails.
"""

import json
import pathlib
import sys

import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

import make_fixtures

TOLERANCE = 1e-4


def load(directory):
    model, report = AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    assert not any(report.values()), report
    return model


def check(directory):
    """Returns the largest difference of a logit of each way to load."""
    expected = load_file(directory / "check.safetensors")
    documents = expected["document_ids"].long()
    counts = documents != make_fixtures.PADDING

    def difference(model):
        with torch.no_grad():
            logits = make_fixtures.logits(
                model, expected["input_ids"].long(), documents, "anchor", "per-document"
            )
        return float((logits - expected["logits"])[counts].abs().max())

    adapter = directory / "adapter"
    base = json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"]
    model = PeftModel.from_pretrained(load(base), adapter)
    adapted = difference(model.get_base_model())
    return {
        "adapter": adapted,
        "merged by PEFT": difference(model.merge_and_unload()),
        "merged": difference(load(directory / "merged")),
    }


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    failed = False
    for argument in sys.argv[1:]:
        for what, difference in check(pathlib.Path(argument)).items():
            verdict = "ok" if difference <= TOLERANCE else "FAILED"
            failed |= difference > TOLERANCE
            print(f"{verdict:6} {difference:.1e} {argument}: {what}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
