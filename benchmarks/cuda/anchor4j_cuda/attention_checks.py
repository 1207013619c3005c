"""Attention against the reference, over awkward sizes and in every precision."""

import math
from dataclasses import replace

import torch

from .attention import PRECISIONS, Rules
from .case import of_problem
from .failure import need
from .problems import DOCUMENTS, Problem, random_problem

TOKENS = (1, 2, 13, 63, 64, 65, 207, 1000)
HEAD_DIMS = (1, 2, 3, 8, 15, 16, 17, 31, 40, 59, 64, 80, 96, 111, 128, 130, 193, 256)

# A score made of pairs of bfloat16 is off by 2^-16 of its parts, which may be several times as
# large; one in float32 by a few of its last places.
_SCORE_ERROR = {"compensated": 4 / 2**16, "float64": 0.0}
_FLOAT32_SCORE_ERROR = 4 / 2**24


def cases(seed):
    problems = []
    for tokens in TOKENS:
        for i, documents in enumerate(DOCUMENTS):
            head_dim = (64, 128, 8, 40)[(i + tokens) % 4]
            problems.append(random_problem(seed + len(problems), tokens, head_dim, documents))
    for head_dim in HEAD_DIMS:
        problems.append(random_problem(seed + len(problems), 70, head_dim))
    for tokens in (90, 130, 150, 300, 400, 600):
        problems.append(random_problem(seed + len(problems), tokens, 64, queries=1 + tokens % 7))
        problems.append(random_problem(seed + len(problems), tokens, 128, loudness=20.0))
    for head_dim in (64, 128, 256):
        # What training is: long documents behind an anchor, rotated.
        rules = Rules("anchor", rotary_pairs=head_dim // 2)
        problems.append(
            Problem(3000, head_dim, rules, 1, 4, 2, documents="one anchor", kind=torch.bfloat16)
        )
    for problem in problems:
        for precision in PRECISIONS:
            kind = torch.float64 if precision == "float64" else problem.kind
            yield _attention_case(replace(problem, kind=kind), precision)


def _attention_case(problem, precision):
    def check(machine):
        inputs = problem.draw(machine.device)
        ours, alive = inputs.run(machine, precision)
        need(alive, "wrote outside of its arrays")
        _check_results(inputs, precision, ours)
        _check_padding(inputs, ours)

    return of_problem("attention", precision, problem, check)


def _check_results(inputs, precision, ours):
    """In float32 within 1e-5 of the results' scale; otherwise within 2 times (gradients 3 times)
    the error that a plain implementation of the same precision makes."""
    kind = inputs.problem.kind
    reference = inputs.reference()
    exact = reference.solve(inputs.output_gradient, torch.float64)
    plain = inputs.reference(precision).solve(inputs.output_gradient, kind)
    score_error = reference.largest_score() * _SCORE_ERROR.get(precision, _FLOAT32_SCORE_ERROR)
    relative = 1e-11 if precision == "float64" else 1e-5
    for name, values in ours.items():
        truth = getattr(exact, name)
        factor = 3 if name.endswith("gradient") else 2
        scale = max(1.0, largest(truth))
        allowed = factor * difference(getattr(plain, name), truth)
        allowed += (relative + score_error) * scale
        error = difference(values.double(), truth)
        need(error <= allowed, f"{name}: error {error:.3g}, allowed {allowed:.3g}")


def largest(x):
    finite = x[x.isfinite()]
    return finite.abs().max().item() if finite.numel() else 0.0


def difference(x, y):
    """The largest; infinities in the same places do not differ, NaN always does."""
    apart = torch.where(x == y, 0, (x - y).abs())
    return apart.nan_to_num(nan=math.inf).max().item()


def _check_padding(inputs, ours):
    padding = inputs.documents == -1
    of_queries = padding[:, -inputs.query.shape[2] :]
    for name, values in ours.items():
        where = of_queries if values.shape[2] == of_queries.shape[1] else padding
        rows = values.transpose(1, 2)[where]
        if name == "log_sum_exp":
            need(bool((rows == -math.inf).all()), "log_sum_exp of padding is not -infinity")
        else:
            need(bool((rows == 0).all()), f"{name} of padding is not 0")
