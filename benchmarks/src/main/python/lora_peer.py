"""transformers and PEFT as the other side of benchmarks/lora.

    lora_peer.py DIRECTORY RANK ALPHA STEPS < [[token ids], [document ids]]

Loads the checkpoint in bfloat16, adds adapters on all linear maps, and takes steps of AdamW on the
adapters under autocast to bfloat16, which multiplies the float32 adapters in bfloat16 as well. Prints
{"load": s, "steps": [s, ...], "loss": of the first step, "peak": bytes}. Needs: pip install peft
"""

import json
import os
import resource
import sys
import time

# Libraries print: they get standard error, the answer goes to what standard output was.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


def main():
    directory, rank, alpha, steps = sys.argv[1], *map(int, sys.argv[2:5])
    tokens, documents = (torch.tensor(row) for row in json.load(sys.stdin))
    begin = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.bfloat16, attn_implementation="sdpa"
    )
    model.config.use_cache = False
    model = get_peft_model(
        model, LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    ).train()
    # Mapped files are read when they are first touched: all of it belongs to loading.
    for parameter in model.parameters():
        parameter.detach().view(-1)[::512].sum()
    load = time.perf_counter() - begin

    q, k = torch.arange(len(tokens))[:, None], torch.arange(len(tokens))[None, :]
    visible = (k <= q) & ((documents[k] == documents[q]) | (documents[k] == 0))
    # The first token of a document is not predicted from the document before it.
    labels = tokens.clone()
    labels[1:][documents[1:] != documents[:-1]] = -100
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True
    )
    times, losses = [], []
    for _ in range(steps):
        begin = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(
                input_ids=tokens[None], labels=labels[None], attention_mask=visible[None, None]
            ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        times.append(time.perf_counter() - begin)
        losses.append(loss.item())
        print(f"PEFT: step in {times[-1]:.1f} s", file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answers.write(json.dumps({"load": load, "steps": times, "loss": losses[0], "peak": peak}))
    answers.flush()


if __name__ == "__main__":
    main()
