"""Attention with the whole T x T matrix in float64: what the kernels are compared with.

With `rounding`, operands of matrix products are rounded where a plain implementation of that
precision rounds them: the error that the precision itself makes.
"""

import math
from dataclasses import dataclass

import torch

from .attention import slopes


@dataclass
class Results:
    """What an attention gives, forward and backward."""

    output: torch.Tensor
    log_sum_exp: torch.Tensor
    query_gradient: torch.Tensor
    key_gradient: torch.Tensor
    value_gradient: torch.Tensor

    def items(self):
        return vars(self).items()


def visible(rules, documents, queries):
    """Returns who sees whom, bool [B, Tq, T]; queries are the last Tq tokens."""
    tokens = documents.shape[1]
    place = torch.arange(tokens, device=documents.device)
    q, k = place[tokens - queries :, None], place[None, :]
    query_document = documents[:, tokens - queries :, None]
    key_document = documents[:, None, :]
    sees = (query_document != -1) & (key_document != -1)
    if rules.causal:
        sees = sees & (k <= q)
    stays = (key_document == 0) & (rules.mask != "full")
    if rules.window:
        sees = sees & (((q - k).abs() < rules.window) | stays)
    if rules.mask == "intra-document":
        sees = sees & (query_document == key_document)
    elif rules.mask == "anchor":
        sees = sees & ((query_document == key_document) | (key_document == 0))
    return sees


def angles(rules, positions):
    """Returns cosines and sines in float64, [B, 1, T, P] each."""
    frequencies = rules.frequencies(positions.shape[0]).to(positions.device)
    turns = positions[:, None, :, None].double() * frequencies[:, None, None]
    return turns.cos() * rules.factor, turns.sin() * rules.factor


def rotate(rules, heads, cosine, sine):
    """Turns [B, H, T, D] by angles; by their negative sines, back."""
    pairs = rules.rotary_pairs
    left, right = (
        (slice(0, pairs), slice(pairs, 2 * pairs))
        if rules.pairing == "half-split"
        else (slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2))
    )
    rotated = heads.clone()
    a, b = heads[..., left], heads[..., right]
    rotated[..., left] = a * cosine - b * sine
    rotated[..., right] = b * cosine + a * sine
    return rotated


def to_bfloat16(x):
    return x.bfloat16().double()


def exactly(x):
    return x


class Reference:
    """One problem, solved on the device of its tensors."""

    def __init__(self, rules, query, key, value, documents, positions, precision="float64"):
        """precision: what is rounded; "float32" and "float64" round nothing."""
        low = precision in ("bfloat16", "compensated")
        self._round = to_bfloat16 if low else exactly
        round_scores = to_bfloat16 if precision == "bfloat16" else exactly
        self._rules = rules
        self._group = query.shape[1] // key.shape[1]
        self._first = key.shape[2] - query.shape[2]
        self._cosine, self._sine = angles(rules, positions)
        # As everywhere, scores are in powers of two and the factor is part of the queries.
        self._factor = rules.scale_for(query.shape[3]) / math.log(2)
        self._query = round_scores(self._turn(query.double(), self._first, 1) * self._factor)
        self._key = round_scores(self._turn(key.double(), 0, 1))
        self._value = self._round(value.double())
        self._sees = visible(rules, documents, query.shape[2])[:, None]
        scores = self._query @ self._spread(self._key).mT * math.log(2)
        if rules.alibi:
            apart = positions[:, None, self._first :, None] - positions[:, None, None, :].long()
            slope = slopes(query.shape[1]).to(query.device)[None, :, None, None]
            scores = scores - slope * apart.abs()
        self._scores = scores.masked_fill(~self._sees, -math.inf)

    def largest_score(self):
        finite = self._scores[self._scores.isfinite()]
        return finite.abs().max().item() if finite.numel() else 0.0

    def forward(self):
        """Returns output and log-sum-exp."""
        most = self._scores.amax(-1, keepdim=True).clamp(min=-1e300)
        weights = (self._scores - most).exp()
        total = weights.sum(-1, keepdim=True)
        output = self._round(weights) @ self._spread(self._value) / total.clamp(min=1e-300)
        return output, (most + total.log()).squeeze(-1)

    def backward(self, output, log_sum_exp, output_gradient):
        """Returns the gradients of query, key and value, given what forward returned."""
        output, output_gradient = output.double(), output_gradient.double()
        delta = (output_gradient * output).sum(-1, keepdim=True)
        rounded = self._round(output_gradient)
        # A row that sees nothing has a log-sum-exp of -infinity and weighs nothing.
        row_sum = log_sum_exp.double()[..., None]
        weights = (self._scores - row_sum).exp().masked_fill(~self._sees, 0)
        value_gradient = self._gathered(self._round(weights).mT @ rounded)
        weight_gradient = rounded @ self._spread(self._value).mT
        score_gradient = self._round(weights * (weight_gradient - delta))
        scale = self._factor * math.log(2)
        query_gradient = score_gradient @ self._spread(self._round(self._key)) * scale
        key_gradient = self._gathered(score_gradient.mT @ self._round(self._query)) * math.log(2)
        return (
            self._turn(query_gradient, self._first, -1),
            self._turn(key_gradient, 0, -1),
            value_gradient,
        )

    def solve(self, output_gradient, kind):
        """Returns all results; output and log-sum-exp as arrays of type `kind` keep them."""
        output, log_sum_exp = self.forward()
        if kind != torch.float64:
            output, log_sum_exp = output.to(kind), log_sum_exp.float()
        gradients = self.backward(output, log_sum_exp, output_gradient)
        return Results(
            output.double(), log_sum_exp.double(), *(g.to(kind).double() for g in gradients)
        )

    def _turn(self, heads, first, direction):
        if not self._rules.rotary_pairs:
            return heads
        tokens = slice(first, first + heads.shape[2])
        sine = self._sine[:, :, tokens] * direction
        return rotate(self._rules, heads, self._cosine[:, :, tokens], sine)

    def _spread(self, heads):
        return heads.repeat_interleave(self._group, 1)

    def _gathered(self, heads):
        return heads.unflatten(1, (-1, self._group)).sum(2)
