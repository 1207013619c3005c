"""What must not change a bit: other documents, a second run, neighbours, a wider type."""

from dataclasses import replace

import torch

from .attention import PRECISIONS, Rules
from .attention_checks import TOKENS
from .case import of_problem
from .failure import need
from .problems import Problem, random_problem


def cases(seed):
    yield from _leaks(seed)
    yield from _repetitions(seed)
    yield from _rows(seed)
    yield from _narrow_arrays(seed)


def bits(x):
    """The elements' bits, so that NaN equals itself and 0 does not equal -0."""
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()]
    return x.contiguous().view(integers)


def need_same_bits(results, others, what):
    for name, values in results.items():
        need(torch.equal(bits(values), bits(getattr(others, name))), f"{name}: {what}")


def _leaks(seed):
    for tokens in TOKENS[1:]:
        for i in range(4):
            documents = ("contiguous", "interleaved", "unsorted", "one anchor")[i]
            problem = random_problem(
                seed + 1000 + 10 * tokens + i,
                tokens,
                (64, 128, 16, 40)[i],
                documents,
                kind=torch.float32,
                layout="tokens first",
            )
            if problem.rules.mask == "full":
                problem = replace(problem, rules=replace(problem.rules, mask="intra-document"))
            for precision in PRECISIONS[:3]:
                yield _leak_case(problem, precision)


def _leak_case(problem, precision):
    def check(machine):
        inputs = problem.draw(machine.device)
        before, _ = inputs.run(machine, precision)
        document = inputs.documents.max()
        tokens = inputs.documents == document
        queries = tokens[:, -inputs.query.shape[2] :]
        # 1e6, not 1: a mask that adds -10000 instead of excluding leaks only under large scores.
        for values in (inputs.query, inputs.key, inputs.value, inputs.output_gradient):
            where = queries if values.shape[2] == queries.shape[1] else tokens
            values.masked_fill_(where[:, None, :, None], 1e6)
        after, _ = inputs.run(machine, precision)
        # An anchor's own key and value do serve the rewritten document.
        serves = tokens | ((inputs.documents == 0) & (problem.rules.mask == "anchor"))
        for name, values in before.items():
            changed = serves if name in ("key_gradient", "value_gradient") else queries
            kept = ~changed
            one, other = (bits(x).transpose(1, 2)[kept] for x in (values, getattr(after, name)))
            need(torch.equal(one, other), f"{name} of other documents changed")

    return of_problem("leaks", precision, problem, check)


def _repetitions(seed):
    for i, tokens in enumerate((65, 207, 1000, 3000)):
        for precision in PRECISIONS:
            kind = torch.float64 if precision == "float64" else torch.bfloat16
            rules = Rules("anchor", rotary_pairs=32)
            problem = Problem(
                tokens, (64, 128)[i % 2], rules, 1, 8, 2, 0, "two anchors", kind=kind, seed=seed + i
            )
            yield _repetition_case(problem, precision)


def _repetition_case(problem, precision):
    def check(machine):
        inputs = problem.draw(machine.device)
        first, _ = inputs.run(machine, precision)
        for _ in range(5):
            again, _ = inputs.run(machine, precision)
            need_same_bits(first, again, "other bits in a second run")

    return of_problem("determinism", precision, problem, check)


def _rows(seed):
    """A row gives the same bits whatever its neighbours in the batch."""
    for i, head_dim in enumerate((16, 64, 128)):
        for precision in PRECISIONS[:3]:
            problem = random_problem(
                seed + 2000 + i, 130, head_dim, batch=3, layout="dense", kind=torch.float32
            )
            # Rows have frequencies of their own, which go by their place in the batch.
            problem = replace(problem, rules=replace(problem.rules, rotary_pairs=0))
            yield _row_case(problem, precision)


def _row_case(problem, precision):
    def check(machine):
        inputs = problem.draw(machine.device)
        together, _ = inputs.run(machine, precision)
        for b in range(problem.batch):
            alone, _ = inputs.row(b).run(machine, precision)
            for name, values in together.items():
                same = torch.equal(bits(values[b : b + 1]), bits(getattr(alone, name)))
                need(same, f"{name} of row {b}: other bits alone")

    return of_problem("rows", precision, problem, check)


def _narrow_arrays(seed):
    """16-bit arrays are computed in float32 and rounded once."""
    for i, kind in enumerate((torch.float16, torch.bfloat16)):
        for precision in PRECISIONS[:3]:
            problem = random_problem(
                seed + 3000 + i, 130, 64, "one anchor", layout="tokens first", kind=kind
            )
            yield _narrow_case(problem, precision)


def _narrow_case(problem, precision):
    def check(machine):
        inputs = problem.draw(machine.device)
        narrow, _ = inputs.run(machine, precision)
        full, _ = inputs.as_type(torch.float32).run(machine, precision)
        need(
            torch.equal(bits(narrow.output), bits(full.output.to(problem.kind))),
            "output is not the float32 one rounded once",
        )
        need(torch.equal(narrow.log_sum_exp, full.log_sum_exp), "log_sum_exp differs")

    return of_problem("sixteen-bit", precision, problem, check)
