"""What every kernel owes, as cases that a script or a test goes through."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from . import companion_checks
from .attention import PRECISIONS, Attention, Rules, launch, module_of
from .failure import need
from .problems import DOCUMENTS, Problem, random_problem

TOKENS = (1, 2, 13, 63, 64, 65, 207, 1000)
HEAD_DIMS = (1, 2, 3, 8, 15, 16, 17, 31, 40, 59, 64, 80, 96, 111, 128, 130, 193, 256)

# A score made of pairs of bfloat16 is off by 2^-16 of its parts, which may be several times as
# large; one in float32 by a few of its last places.
_SCORE_ERROR = {"compensated": 4 / 2**16, "float64": 0.0}
_FLOAT32_SCORE_ERROR = 4 / 2**24


@dataclass(frozen=True)
class Case:
    """One check of one group, with the modules that it launches."""

    group: str
    name: str
    modules: tuple
    check: Callable
    tokens: int = 0  # of a row, where many of them take an emulator long


def modules(precision, head_dim):
    return ("attention_prepare", {}), module_of(precision, head_dim)


def _case(group, precision, problem, check):
    launched = modules(precision, problem.head_dim)
    return Case(group, f"{precision}, {problem}", launched, check, problem.tokens)


def cases(seed=0):
    """Returns all cases."""
    return [
        *_attention(seed),
        *_leaks(seed),
        *_repetitions(seed),
        *_rows(seed),
        *_narrow_arrays(seed),
        *_drift(),
        *companion_checks.cases(Case),
        *_memory(),
    ]


def _attention(seed):
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

    return _case("attention", precision, problem, check)


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

    return _case("leaks", precision, problem, check)


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

    return _case("determinism", precision, problem, check)


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

    return _case("rows", precision, problem, check)


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

    return _case("sixteen-bit", precision, problem, check)


def _drift():
    for precision, most, least in (
        ("float32", 1e-5, 0),
        ("compensated", 1e-5, 0),
        ("bfloat16", 1e-2, 1e-3),
    ):
        yield Case("drift", precision, modules(precision, 128), _drift_check(precision, most, least))


def _drift_check(precision, most, least):
    def check(machine):
        here, there = (_scores_at(shift, machine, precision) for shift in (0, 126_976))
        drift = (there - here).double().square().mean().sqrt().item()
        need(drift <= most, f"scores drift by {drift:.2g}, allowed {most:.0e}")
        need(drift >= least, f"positions play no part: scores drift by {drift:.2g}")
        return f"{precision} scores drift by {drift:.2g} RMS under a shift of 126,976"

    return check


def _scores_at(shift, machine, precision):
    """The log-sum-exps of queries that see one key each, which makes them scores."""
    pairs, head_dim = 500, 128
    numbers = torch.Generator().manual_seed(1)
    shape = (1, 1, pairs, head_dim)
    query, key, value, other = (torch.randn(shape, generator=numbers) for _ in range(4))
    # A query's own key is as far from it as can be, so that only the other one counts.
    keys = torch.cat((key, -10 * query), 2).to(machine.device)
    values = torch.cat((value, other), 2).to(machine.device)
    query = query.to(machine.device)
    documents = (1 + torch.arange(2 * pairs) % pairs).int()[None].to(machine.device)
    positions = torch.randint(4096, (1, 2 * pairs), generator=numbers).int() + shift
    rules = Rules("intra-document", rotary_pairs=head_dim // 2, theta=500_000.0)
    attention = Attention(
        machine, precision, rules, query, keys, values, documents, positions.to(machine.device)
    )
    log_sum_exp = torch.empty((1, 1, pairs), device=machine.device)
    output = torch.empty_like(query)
    launch(machine, attention.forward(output, log_sum_exp))
    machine.wait()
    return log_sum_exp


def _memory():
    problem = Problem(
        1000, 64, Rules("anchor", rotary_pairs=32), 1, 8, 2, 0, "one anchor", kind=torch.bfloat16
    )

    def check(machine):
        inputs = problem.draw(machine.device)
        for _ in range(3):
            inputs.run(machine, "bfloat16")
        before = torch.cuda.memory_allocated(), torch.cuda.mem_get_info()[0]
        for _ in range(112):  # of nine launches each
            inputs.run(machine, "bfloat16")
        after = torch.cuda.memory_allocated(), torch.cuda.mem_get_info()[0]
        need(after == before, f"allocated and free bytes were {before}, are {after}")

    yield Case("memory", "after 1,000 launches", modules("bfloat16", 64), check)
