"""Attention problems of any shape, mask, layout and type, drawn from a seed."""

import dataclasses
import random
from dataclasses import dataclass, replace

import torch

from .attention import Attention, Rules, launch
from .reference import Reference, Results

LAYOUTS = ("dense", "tokens first", "transposed", "gaps", "broadcast")
DOCUMENTS = (
    "contiguous",
    "interleaved",
    "unsorted",
    "padding",
    "anchors",
    "one anchor",
    "two anchors",
    "seventy anchors",
)
_CANARY = 0xA5


class Buffer:
    """A tensor of some layout with canaries around and between its elements."""

    def __init__(self, shape, kind, layout, device):
        orders = {"tokens first": (0, 2, 1, 3), "transposed": (0, 1, 3, 2)}
        order = orders.get(layout, range(4)) if len(shape) == 4 else range(len(shape))
        strides = [0] * len(shape)
        stride = 3 if layout == "gaps" else 1
        for i in reversed(order):
            strides[i] = stride
            stride = stride * shape[i] + (5 if layout == "gaps" else 0)
        if layout == "broadcast":
            strides[0] = 0
        elements = 1 + sum((n - 1) * s for n, s in zip(shape, strides))
        size = torch.empty(0, dtype=kind).element_size()
        margin = 256
        self._bytes = torch.full(
            (elements * size + 2 * margin,), _CANARY, dtype=torch.uint8, device=device
        )
        self._words = self._bytes[margin : margin + elements * size].view(kind)
        self._shape, self._strides = shape, strides
        self.tensor = self._words.as_strided(shape, strides, self._words.storage_offset())

    def canaries_alive(self):
        rest = self._bytes.clone()
        margin = (rest.numel() - self._words.numel() * self._words.element_size()) // 2
        inside = rest[margin:-margin].view(self._words.dtype)
        words = inside.as_strided(self._shape, self._strides, inside.storage_offset())
        words.view(_INTEGERS[words.element_size()]).fill_(
            int.from_bytes(bytes([_CANARY] * words.element_size()), "little", signed=True)
        )
        return bool((rest == _CANARY).all())


_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


@dataclass(frozen=True)
class Problem:
    """Sizes, rules and a seed; `draw` makes the numbers."""

    tokens: int
    head_dim: int
    rules: Rules
    batch: int = 1
    heads: int = 1
    kv_heads: int = 1
    queries: int = 0  # 0 for all
    documents: str = "contiguous"
    layout: str = "dense"
    kind: torch.dtype = torch.float32
    loudness: float = 1.0  # of queries: what makes scores large
    seed: int = 0

    def __str__(self):
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        rules = {f.name: getattr(self.rules, f.name) for f in dataclasses.fields(self.rules)}
        del fields["rules"]
        return " ".join(f"{k}={v}" for k, v in {**fields, **rules}.items())

    def draw(self, device):
        generator = random.Random(self.seed)
        rows = [self._row(generator, b) for b in range(self.batch)]
        documents = torch.tensor(rows, dtype=torch.int32, device=device)
        positions = [
            [
                generator.randrange(100_000) if generator.randrange(8) == 0 else t
                for t in range(self.tokens)
            ]
            for _ in range(self.batch)
        ]
        numbers = torch.Generator().manual_seed(self.seed)

        def heads(count, tokens, loudness=1.0):
            shape = (self.batch, count, tokens, self.head_dim)
            drawn = Buffer(shape, self.kind, self.layout, device)
            # The rows of a broadcast array share their elements.
            written = drawn.tensor[:1] if self.layout == "broadcast" else drawn.tensor
            values = torch.randn(written.shape, generator=numbers, dtype=torch.float64)
            written.copy_(values * loudness)
            return drawn

        queries = self.queries or self.tokens
        return Inputs(
            self,
            heads(self.heads, queries, self.loudness),
            heads(self.kv_heads, self.tokens),
            heads(self.kv_heads, self.tokens),
            heads(self.heads, queries),
            documents,
            torch.tensor(positions, dtype=torch.int32, device=device),
        )

    def _row(self, generator, b):
        tokens, kind = self.tokens, self.documents
        count = generator.randint(1, 4)
        length = max(1, tokens // count)
        if kind == "interleaved":
            return [1 + t % count for t in range(tokens)]
        if kind == "unsorted":
            return [
                -1 if generator.randrange(8) == 0 else 1_000_003 * generator.randint(1, count)
                for _ in range(tokens)
            ]
        if kind in ("padding", "anchors"):
            return [-1 if kind == "padding" else 0] * tokens
        row = [1 + t // length for t in range(tokens)]
        if kind == "contiguous" and b % 2 == 1:
            row = [-1 if t >= tokens - tokens // 5 else row[t] for t in range(tokens)]
        anchors = {"one anchor": 1, "two anchors": 2, "seventy anchors": 70}.get(kind, 0)
        for i in range(min(anchors, tokens)):
            # The first row's anchors lead it, the other rows' stand anywhere.
            row[i if b == 0 else generator.randrange(tokens)] = 0
        return row


class Inputs:
    """The arrays of a problem; those of results are made anew for each run, full of NaN."""

    def __init__(self, problem, query, key, value, output_gradient, documents, positions):
        self.problem = problem
        self._buffers = (query, key, value, output_gradient)
        self.query, self.key, self.value, self.output_gradient = (b.tensor for b in self._buffers)
        self.documents = documents
        self.positions = positions

    def run(self, machine, precision):
        """Returns the kernels' results and whether all that is no element stayed as it was."""
        p = self.problem
        # Results never share memory.
        layout = "dense" if p.layout == "broadcast" else p.layout
        attention = Attention(
            machine,
            precision,
            p.rules,
            self.query,
            self.key,
            self.value,
            self.documents,
            self.positions,
        )
        like = [self.query, self.query, self.key, self.value]
        buffers = [Buffer(tuple(x.shape), p.kind, layout, machine.device) for x in like]
        log_sum_exp = Buffer(
            tuple(self.query.shape[:3]), attention.log_sum_exp_type, layout, machine.device
        )
        output, *gradients = (buffer.tensor.fill_(float("nan")) for buffer in buffers)
        log_sum_exp.tensor.fill_(float("nan"))
        saved = output, log_sum_exp.tensor
        launch(machine, attention.forward(*saved))
        launch(machine, attention.backward(*saved, self.output_gradient, *gradients))
        machine.wait()
        alive = all(b.canaries_alive() for b in (*self._buffers, *buffers, log_sum_exp))
        return Results(output, log_sum_exp.tensor, *gradients), alive

    def row(self, b):
        """One row of the batch as a batch of its own."""
        return self._copy(replace(self.problem, batch=1), slice(b, b + 1), self.problem.kind)

    def as_type(self, kind):
        """The same numbers in arrays of another type."""
        return self._copy(replace(self.problem, kind=kind), slice(None), kind)

    def _copy(self, problem, rows, kind):
        def copied(values):
            buffer = Buffer(tuple(values[rows].shape), kind, problem.layout, values.device)
            buffer.tensor.copy_(values[rows])
            return buffer

        arrays = (self.query, self.key, self.value, self.output_gradient)
        return Inputs(problem, *map(copied, arrays), self.documents[rows], self.positions[rows])

    def reference(self, precision="float64"):
        return Reference(
            self.problem.rules,
            self.query,
            self.key,
            self.value,
            self.documents,
            self.positions,
            precision,
        )


def random_rules(generator, tokens, head_dim, anchored):
    masks = ("full", "intra-document", "anchor")
    pairs = 0
    if head_dim >= 2 and generator.randrange(3) > 0:
        pairs = head_dim // 2 if generator.randrange(2) else generator.randint(1, head_dim // 2)
    return Rules(
        mask="anchor" if anchored and generator.randrange(3) else generator.choice(masks),
        causal=generator.randrange(4) > 0,
        window=generator.randint(1, tokens + 5) if generator.randrange(3) == 0 else 0,
        scale=0.0 if generator.randrange(3) else 0.3 * (16 / max(16, head_dim)) ** 0.5,
        alibi=generator.randrange(4) == 0,
        rotary_pairs=pairs,
        pairing=generator.choice(("half-split", "interleaved")),
        factor=1.0 if generator.randrange(4) else 1.25,
    )


def random_problem(seed, tokens, head_dim, documents=None, **fixed):
    """Returns a problem whose other choices are made from the seed."""
    generator = random.Random(seed)
    documents = documents or generator.choice(DOCUMENTS)
    rules = random_rules(generator, tokens, head_dim, documents.endswith(("anchor", "anchors")))
    groups = ((1, 1), (3, 1), (3, 3), (8, 1), (8, 2), (8, 8))
    heads, kv_heads = generator.choice(groups[:2] if tokens * head_dim > 20_000 else groups)
    kinds = (torch.float32, torch.float32, torch.bfloat16, torch.float16)
    return Problem(
        **{
            "tokens": tokens,
            "head_dim": head_dim,
            "rules": rules,
            "batch": generator.choice((1, 3)),
            "heads": heads,
            "kv_heads": kv_heads,
            "queries": generator.randint(1, tokens) if generator.randrange(3) == 0 else tokens,
            "documents": documents,
            "layout": generator.choice(LAYOUTS),
            "kind": generator.choice(kinds),
            "seed": seed,
            **fixed,
        }
    )
