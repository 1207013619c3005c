"""transformers as the other side of benchmarks/generate.

    generate_peer.py DIRECTORY THREADS NEW_TOKENS

Loads the checkpoint in bfloat16. For each line [prompt ids] it generates that many tokens, the
likeliest, with the key/value cache, and answers {"ids": [new ids], "times": [seconds at which each
was there], "logits": of what follows the prompt}. Needs: pip install torch transformers
"""

import json
import os
import sys
import time

# Libraries print: they get standard error, answers go to what standard output was.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import torch
from transformers import AutoModelForCausalLM


def main():
    directory, threads, new_tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.bfloat16, attn_implementation="sdpa"
    ).eval()
    for line in sys.stdin:
        prompt = torch.tensor([json.loads(line)])
        times = []

        def note(ids, scores):
            times.append(time.perf_counter())
            return torch.zeros(ids.shape[0], dtype=torch.bool)

        with torch.no_grad():
            logits = model(prompt, logits_to_keep=1).logits[0, -1].float()
            ids = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=False,
                max_new_tokens=new_tokens,
                eos_token_id=None,
                pad_token_id=0,
                stopping_criteria=[note],
            )
        answer = {"ids": ids[0, prompt.shape[1] :].tolist(), "times": times, "logits": logits.tolist()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
