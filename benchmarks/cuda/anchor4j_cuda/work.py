"""What is timed: one row of packed documents, its masks and how many pairs they leave visible."""

import random
from dataclasses import dataclass

import torch

MASKS = ("full", "anchor", "intra-document")


@dataclass(frozen=True)
class Work:
    """One row of bfloat16, causal; documents are unequal and begin anywhere."""

    tokens: int
    head_dim: int
    heads: int
    kv_heads: int
    documents: int

    def __str__(self):
        length = f"{self.tokens // 1024}K" if self.tokens % 1024 == 0 else str(self.tokens)
        return f"T {length}, D {self.head_dim}, H {self.heads}:{self.kv_heads}"

    def lengths(self):
        """Lengths of the documents, the first with the anchor before its first token."""
        drawn = random.Random(self.documents)
        ends = sorted(drawn.sample(range(2, self.tokens), self.documents - 1))
        return [b - a for a, b in zip([0, *ends], [*ends, self.tokens])]

    def ids(self, mask):
        """Document ids: an anchor leads the row under the anchor mask alone."""
        ids = torch.repeat_interleave(
            torch.arange(1, self.documents + 1), torch.tensor(self.lengths())
        )
        if mask == "anchor":
            ids[0] = 0
        return ids.int()

    def visible_pairs(self, mask):
        if mask == "full":
            return self.tokens * (self.tokens + 1) // 2
        lengths = self.lengths()
        if mask == "anchor":
            lengths[0] -= 1  # the anchor, which sees itself and is seen by all the others
        own = sum(n * (n + 1) // 2 for n in lengths)
        return own + (self.tokens if mask == "anchor" else 0)

    def operations(self, mask, backward):
        """Those of products of visible pairs: two forward, five backward."""
        return (10 if backward else 4) * self.head_dim * self.heads * self.visible_pairs(mask)


class Tensors:
    """Query, key, value and the output's gradient of a work, shared by all contestants."""

    def __init__(self, work, device):
        self.work = work
        numbers = torch.Generator(device).manual_seed(1)

        def draw(heads):
            shape = (1, heads, work.tokens, work.head_dim)
            return torch.randn(shape, generator=numbers, device=device, dtype=torch.bfloat16)

        self.query, self.key, self.value = (
            draw(heads) for heads in (work.heads, work.kv_heads, work.kv_heads)
        )
        self.output_gradient = draw(work.heads)
        self.device = device

    def leaves(self):
        return [x.detach().requires_grad_() for x in (self.query, self.key, self.value)]
