"""PyTorch and transformers as the other side of the benchmarks.

Reads one request a line from standard input and answers each with one line of JSON:

  {"do": "versions", "threads": n}               -> {"torch": ..., "transformers": ..., "threads": n}
  {"do": "prepare", "as": VARIANT, "work": {}}   -> {"job": n, "seconds": s, "samples": [[...], ...]}
  {"do": "measure", "job": n, "seconds": s}      -> {"times": [seconds of each call, ...]}
  {"do": "close", "job": n}                      -> {}

Anything that fails is answered with {"error": "..."}. Needs: pip install torch transformers
"""

import gc
import json
import os
import sys
import time

# Libraries print: they get standard error, answers go to what standard output was.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy as np
import torch
import torch.nn.functional as F

PERIOD = 1_048_573  # of the test data, as in io.anchor4j.benchmarks.work.TestData
SAMPLES = 64


def test_data(seed, shape):
    """The values of TestData.java, which are exact in bfloat16."""
    with np.errstate(over="ignore"):
        z = np.arange(PERIOD, dtype=np.uint64) + np.uint64((seed << 40) + 0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    six = np.uint64(63)
    total = sum(((z >> np.uint64(6 * i)) & six).astype(np.int32) for i in range(4))
    period = (total - 126).astype(np.float32) / 32
    return torch.from_numpy(np.resize(period, shape))


def samples(*tensors):
    """A few elements of each result, for the runner to compare."""
    picked = []
    for tensor in tensors:
        flat = tensor.detach().reshape(-1)
        index = torch.tensor([i * 2654435761 % flat.numel() for i in range(SAMPLES)])
        picked.append(flat[index].float().tolist())
    return picked


def dtype_of(work):
    return {"BFLOAT16": torch.bfloat16, "FLOAT": torch.float32}[work["type"]]


class Job:
    """Calls `run` again and again; `results` are the tensors that the last call left."""

    def __init__(self, run, results):
        self.run = run
        self.results = results


def job(inputs, gradient, backward, call):
    """Forward, or forward and backward for all inputs."""
    state = {}

    def forward():
        with torch.no_grad():
            state["output"] = call(*inputs)

    def both():
        for x in inputs:
            x.grad = None
        state["output"] = call(*inputs)
        state["output"].backward(gradient)

    if not backward:
        return Job(forward, lambda: [state["output"]])
    for x in inputs:
        x.requires_grad_()
    return Job(both, lambda: [state["output"]] + [x.grad for x in inputs])


# ---- Attention ----------------------------------------------------------------------------------


def sees(work):
    """The rule of AttentionMask, as a function of query and key index."""
    documents = torch.tensor(work["documents"])
    anchored = work["mask"] == "ANCHOR"

    def visible(q, k):
        same = documents[k] == documents[q]
        if anchored:
            same = same | (documents[k] == 0)
        return (k <= q) & same

    return visible


def dense_mask(work):
    tokens = torch.arange(work["tokens"])
    return sees(work)(tokens[:, None], tokens[None, :])


def attention(work, call):
    def heads(seed, count):
        shape = (work["batch"], count, work["tokens"], work["headDim"])
        return test_data(seed, shape).to(dtype_of(work))

    inputs = [heads(1, work["heads"]), heads(2, work["kvHeads"]), heads(3, work["kvHeads"])]
    gradient = heads(4, work["heads"]) if work["backward"] else None
    grouped = work["heads"] != work["kvHeads"]
    return job(inputs, gradient, work["backward"], lambda q, k, v: call(q, k, v, enable_gqa=grouped))


def sdpa(work):
    return attention(
        work,
        lambda q, k, v, **options: F.scaled_dot_product_attention(
            q, k, v, is_causal=work["causal"], **options
        ),
    )


def sdpa_dense(work):
    """What users of SDPA do about documents: a mask of T x T."""
    mask = dense_mask(work)
    return attention(
        work,
        lambda q, k, v, **options: F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, **options
        ),
    )


def flex(work):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    visible = sees(work)
    tokens = work["tokens"]
    mask = create_block_mask(
        lambda b, h, q, k: visible(q, k), None, None, tokens, tokens, device="cpu"
    )
    compiled = torch.compile(flex_attention, dynamic=False)
    return attention(
        work, lambda q, k, v, **options: compiled(q, k, v, block_mask=mask, **options)
    )


# ---- Other layers -------------------------------------------------------------------------------


def linear(work):
    dtype = dtype_of(work)
    x = test_data(1, (work["tokens"], work["inputs"])).to(dtype)
    gradient = test_data(3, (work["tokens"], work["outputs"])).to(dtype)
    # Ours is [in, out], nn.Linear keeps [out, in]: the same numbers, each in its own layout.
    weight = test_data(2, (work["inputs"], work["outputs"])).to(dtype).t().contiguous()
    made = job([x, weight], gradient, work["backward"], F.linear)
    if work["backward"]:
        results = made.results
        made.results = lambda: [r.t() if i == 2 else r for i, r in enumerate(results())]
    return made


def rms_norm(work):
    shape = (work["tokens"], work["channels"])
    x, gradient = (test_data(seed, shape).to(dtype_of(work)) for seed in (1, 3))
    gain = test_data(2, (work["channels"],)).to(dtype_of(work))
    return job(
        [x, gain], gradient, work["backward"], lambda x, gain: F.rms_norm(x, gain.shape, gain, 1e-5)
    )


def gated_silu(work):
    shape = (work["tokens"], work["channels"])
    gate, up, gradient = (test_data(seed, shape).to(dtype_of(work)) for seed in (1, 2, 3))
    return job([gate, up], gradient, work["backward"], lambda gate, up: F.silu(gate) * up)


def adamw(work):
    """Clipping and update of one flat vector, by the fused kernel: PyTorch's fastest."""
    parameter = torch.nn.Parameter(test_data(1, (work["parameters"],)))
    parameter.grad = test_data(2, (work["parameters"],))
    optimizer = torch.optim.AdamW(
        [parameter], lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True
    )

    def step():
        torch.nn.utils.clip_grad_norm_([parameter], 1.0)
        optimizer.step()

    return Job(step, lambda: [parameter])


# ---- A training step ----------------------------------------------------------------------------


def llama(work, dtype, autocast):
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=work["vocabulary"],
            hidden_size=work["hidden"],
            intermediate_size=work["intermediate"],
            num_hidden_layers=work["layers"],
            num_attention_heads=work["heads"],
            num_key_value_heads=work["kvHeads"],
            max_position_embeddings=work["tokens"],
            tie_word_embeddings=True,
            use_cache=False,
            attn_implementation="sdpa",
        )
    ).to(dtype)
    model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True
    )
    tokens = torch.tensor(work["tokenIds"]).reshape(1, -1)
    masked = {}
    if work["mask"] != "FULL":
        # [B, 1, T, T], the only form in which transformers takes who sees whom on a CPU.
        masked["attention_mask"] = dense_mask(work)[None, None]
    state = {}

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            loss = model(input_ids=tokens, labels=tokens, **masked).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        state["loss"] = loss

    return Job(step, lambda: [state["loss"]])


VARIANTS = {
    "sdpa": sdpa,
    "sdpa-dense": sdpa_dense,
    "flex": flex,
    "linear": linear,
    "rms-norm": rms_norm,
    "gated-silu": gated_silu,
    "adamw": adamw,
    "llama-bf16": lambda work: llama(work, torch.bfloat16, False),
    "llama-autocast": lambda work: llama(work, torch.float32, True),
}


# ---- Requests -----------------------------------------------------------------------------------

jobs = {}
prepared = 0


def versions(request):
    torch.set_num_threads(request["threads"])
    try:
        import transformers

        version = transformers.__version__
    except ImportError:
        version = None
    return {
        "torch": torch.__version__,
        "transformers": version,
        "threads": torch.get_num_threads(),
    }


def prepare(request):
    global prepared
    made = VARIANTS[request["as"]](request["work"])
    began = time.perf_counter()
    made.run()  # compiles, fills caches and leaves results
    seconds = time.perf_counter() - began
    prepared += 1
    jobs[prepared] = made
    return {"job": prepared, "seconds": seconds, "samples": samples(*made.results())}


def measure(request):
    run = jobs[request["job"]].run
    times = []
    began = time.perf_counter()
    end = began + request["seconds"]
    while began < end or not times:
        run()
        now = time.perf_counter()
        times.append(now - began)
        began = now
    return {"times": times}


def close(request):
    del jobs[request["job"]]
    gc.collect()
    return {}


REQUESTS = {"versions": versions, "prepare": prepare, "measure": measure, "close": close}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = REQUESTS[request["do"]](request)
        except Exception as e:  # whatever it is, the runner leaves this case out and says why
            answer = {"error": f"{type(e).__name__}: {e}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
