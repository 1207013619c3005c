"""Makes schedules.json and adamw.json beside this file: what transformers and PyTorch compute.

Run: python make_training_goldens.py   (torch 2.15, transformers 5.23; float32 on CPU)
"""

import json
from pathlib import Path

import torch
from transformers import optimization

HERE = Path(__file__).parent


def rates(make, peak, updates):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=peak)
    schedule = make(optimizer)
    values = []
    for _ in range(updates):
        values.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return values


def schedules():
    cases = []
    for steps, warmup in [(1, 0), (2, 1), (10, 0), (10, 3), (25, 24), (5, 9)]:
        for kind, final_ratio, make in [
            ("constant", 0.0, lambda o: optimization.get_constant_schedule_with_warmup(o, warmup)),
            ("linear", 0.0, lambda o: optimization.get_linear_schedule_with_warmup(o, warmup, steps)),
            ("cosine", 0.0, lambda o: optimization.get_cosine_schedule_with_warmup(o, warmup, steps)),
            (
                "cosine",
                0.1,
                lambda o: optimization.get_cosine_with_min_lr_schedule_with_warmup(
                    o, warmup, steps, min_lr_rate=0.1
                ),
            ),
        ]:
            cases.append(
                {
                    "type": kind,
                    "steps": steps,
                    "warmupSteps": warmup,
                    "finalRatio": final_ratio,
                    "peak": 3e-4,
                    "rates": rates(make, 3e-4, steps),
                }
            )
    return cases


def adamw():
    """Ten updates of two tensors under a changing rate; gradients on both sides of the clip norm."""
    generator = torch.Generator().manual_seed(11)
    tensors = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in [(2, 3), (5,)]]
    optimizer = torch.optim.AdamW(tensors, lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    flat = lambda values: torch.cat([v.detach().flatten() for v in values]).double().tolist()
    start = flat(tensors)
    steps = []
    for step in range(1, 11):
        scale = 10.0 ** (step % 4 - 2)
        for tensor in tensors:
            tensor.grad = scale * torch.randn(tensor.shape, generator=generator)
        gradients = flat([t.grad for t in tensors])
        norm = torch.nn.utils.clip_grad_norm_(tensors, 1.0).item()
        optimizer.param_groups[0]["lr"] = 1e-2 / step
        optimizer.step()
        steps.append(
            {
                "learningRate": 1e-2 / step,
                "gradients": gradients,
                "norm": norm,
                "parameters": flat(tensors),
                "firstMoment": flat([optimizer.state[t]["exp_avg"] for t in tensors]),
                "secondMoment": flat([optimizer.state[t]["exp_avg_sq"] for t in tensors]),
            }
        )
    return {
        "beta1": 0.9,
        "beta2": 0.95,
        "epsilon": 1e-8,
        "weightDecay": 0.1,
        "gradientClip": 1.0,
        "parameters": start,
        "steps": steps,
    }


for name, value in [("schedules", schedules()), ("adamw", adamw())]:
    (HERE / f"{name}.json").write_text(json.dumps(value, indent=None, separators=(",", ":")) + "\n")
