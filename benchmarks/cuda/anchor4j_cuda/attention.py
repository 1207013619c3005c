"""Attention by the kernels: scratch, geometry, order of launches, as parameters.cuh has them."""

from dataclasses import dataclass

import torch

from .arrays import array, poisoned, type_of, up
from .structs import CONSTANTS, fill

MASKS = ("full", "intra-document", "anchor")
PRECISIONS = ("float32", "bfloat16", "compensated", "float64")
PAIRINGS = ("half-split", "interleaved")

_FORMATS = dict(zip(PRECISIONS, ("kPackFloat32", "kPackBfloat16", "kPackPair", "kPackFloat64")))


@dataclass(frozen=True)
class Rules:
    """What an attention computes, but for the precision."""

    mask: str = "full"
    causal: bool = True
    window: int = 0
    scale: float = 0.0  # 0 for 1 / sqrt(D)
    alibi: bool = False
    rotary_pairs: int = 0
    pairing: str = "half-split"
    theta: float = 10_000.0
    factor: float = 1.0  # of cosines and sines

    def scale_for(self, head_dim):
        return self.scale or head_dim**-0.5

    def frequencies(self, batch):
        """Radians per token, float64 [B, P]; other ones in each row, as dynamic scaling has it."""
        pairs = torch.arange(self.rotary_pairs, dtype=torch.float64)
        thetas = self.theta * torch.arange(1, batch + 1, dtype=torch.float64)
        return thetas[:, None] ** (-pairs / max(1, self.rotary_pairs))


def slopes(heads):
    """ALiBi's slopes as published, float64."""
    power = 1 << (heads.bit_length() - 1)
    exponents = [-8 * (h + 1) / power for h in range(power)]
    exponents += [-8 * (2 * h + 1) / (2 * power) for h in range(heads - power)]
    return torch.tensor([2.0**e for e in exponents], dtype=torch.float64)


def module_of(precision, head_dim):
    """Returns the name and the macros of the module that has the three kernels."""
    packed = up(head_dim, 16)
    if precision in ("float32", "float64"):
        real = "float" if precision == "float32" else "double"
        return "attention_plain", {"HEAD_DIM": packed, "REAL": real}
    return "attention_pairs", {"HEAD_DIM": packed, "COMPENSATED": int(precision == "compensated")}


@dataclass(frozen=True)
class Geometry:
    """Rows of a block, threads and shared bytes, forward and backward."""

    forward: tuple
    backward: tuple

    @staticmethod
    def of(precision, head_dim):
        packed = up(head_dim, 16)
        if precision in ("float32", "float64"):
            size = 4 if precision == "float32" else 8
            rows = 32 if packed * size <= 512 else 16 if packed * size <= 1024 else 8
            shared = (4 * rows * (packed + 1) + 2 * rows * (rows + 1)) * size + 32 * rows
            return Geometry(*[(rows, rows * rows // 4, shared)] * 2)
        pair, wide = precision == "compensated", packed > 128
        planes = 1 + pair
        m = 64 if pair or wide else 128
        n = 64 if not wide else 16 if pair else 32
        r = 32 if pair and wide else 64
        s = 16 if wide else 32 if pair else 64
        return Geometry(
            (m, 128, 2 * (packed + 8) * (m * planes + n * (planes + 1)) + 8 * n),
            (r, 2 * r, 2 * (packed + 8) * (planes + 1) * (r + s) + 16 * s),
        )


class Attention:
    """Attention of given tensors; scratch is allocated once, here.

    query [B, H, Tq, D], key and value [B, Hkv, T, D], documents and positions int32 [B, T]
    """

    def __init__(self, machine, precision, rules, query, key, value, documents, positions):
        self.machine = machine
        batch, heads, queries, head_dim = query.shape
        kv_heads, tokens = key.shape[1:3]
        self._module = module_of(precision, head_dim)
        self._geometry = Geometry.of(precision, head_dim)
        packed = up(head_dim, 16)
        start = (tokens - queries) // 64 * 64
        query_rows, key_rows = up(tokens - start, 128), up(tokens, 128)
        double = precision == "float64"
        wide = torch.float64 if double else torch.float32
        element = {"float32": 4, "float64": 8}.get(precision, 2)
        query_bytes = batch * heads * query_rows * packed * element
        key_bytes = batch * kv_heads * key_rows * packed * element
        row_bytes = batch * heads * query_rows * (8 if double else 4)
        pair = precision == "compensated"
        angles = batch * tokens * rules.rotary_pairs * 2
        self._held = {
            "tiles": poisoned(machine, 16 * batch * up(tokens, 64) // 64),
            "packed_query": poisoned(machine, query_bytes),
            "packed_key": poisoned(machine, key_bytes),
            "packed_value": poisoned(machine, key_bytes),
            "packed_output_gradient": poisoned(machine, query_bytes),
            "row_log_sum_exp": poisoned(machine, row_bytes),
            "row_delta": poisoned(machine, row_bytes),
            "documents": documents.contiguous(),
            "positions": positions.contiguous(),
        }
        if pair:
            self._held["packed_query_low"] = poisoned(machine, query_bytes)
            self._held["packed_key_low"] = poisoned(machine, key_bytes)
        if angles:
            self._held["angles"] = poisoned(machine, angles * (8 if double else 4))
            self._frequencies = rules.frequencies(batch).to(machine.device)
        if rules.alibi:
            self._held["slopes"] = slopes(heads).to(machine.device, wide)
        self._tensors = {"query": query, "key": key, "value": value}
        self.log_sum_exp_type = wide
        self._sizes = {
            "scale": rules.scale_for(head_dim),
            "batch": batch,
            "heads": heads,
            "kv_heads": kv_heads,
            "queries": queries,
            "tokens": tokens,
            "head_dim": head_dim,
            "packed_dim": packed,
            "query_rows": query_rows,
            "key_rows": key_rows,
            "rotary_pairs": rules.rotary_pairs,
            "pairing": PAIRINGS.index(rules.pairing),
            "mask": MASKS.index(rules.mask),
            "causal": int(rules.causal),
            "window": rules.window,
            "format": CONSTANTS[_FORMATS[precision]],
        }
        self._angles = angles and fill(
            "RotaryAnglesParameters",
            positions=self._held["positions"].data_ptr(),
            frequencies=self._frequencies.data_ptr(),
            angles=self._held["angles"].data_ptr(),
            factor=rules.factor,
            count=angles // 2,
            tokens=tokens,
            pairs=rules.rotary_pairs,
            type=type_of(torch.empty(0, dtype=wide)),
        )

    def forward(self, output, log_sum_exp):
        """Returns the launches that fill output [B, H, Tq, D] and log_sum_exp [B, H, Tq]."""
        p = self._parameters(output=output, log_sum_exp=log_sum_exp)
        rows, threads, shared = self._geometry.forward
        grid = (up(p.query_rows, rows) // rows, p.heads, p.batch)
        return [
            *self._preparation(p, p.heads + 2 * p.kv_heads),
            (*self._module, "attention_forward", grid, threads, shared, p),
        ]

    def backward(self, output, log_sum_exp, output_gradient, *gradients):
        """Returns the launches that fill the gradients of query, key and value."""
        names = ("query_gradient", "key_gradient", "value_gradient")
        p = self._parameters(
            output=output,
            log_sum_exp=log_sum_exp,
            output_gradient=output_gradient,
            **dict(zip(names, gradients, strict=True)),
        )
        rows, threads, shared = self._geometry.backward
        of_keys = (up(p.tokens, rows) // rows, p.kv_heads, p.batch)
        of_queries = (up(p.query_rows, rows) // rows, p.heads, p.batch)
        return [
            *self._preparation(p, 2 * p.heads + 2 * p.kv_heads),
            (*self._module, "attention_backward_keys", of_keys, threads, shared, p),
            (*self._module, "attention_backward_queries", of_queries, threads, shared, p),
        ]

    def _parameters(self, **tensors):
        arrays = {name: array(tensor) for name, tensor in {**self._tensors, **tensors}.items()}
        addresses = {name: tensor.data_ptr() for name, tensor in self._held.items()}
        return fill("AttentionParameters", **arrays, **addresses, **self._sizes)

    def _preparation(self, p, heads):
        """heads: of all arrays that are packed, together"""
        module = ("attention_prepare", {})
        yield *module, "attention_tiles", (up(p.tokens, 64) // 64, p.batch, 1), 32, 0, p
        if self._angles:
            grid = (up(self._angles.count, 256) // 256, 1, 1)
            yield *module, "rotary_angles", grid, 256, 0, self._angles
        rows = max(p.query_rows, p.key_rows) // 8
        yield *module, "attention_pack", (rows, heads, p.batch), 256, 0, p


def launch(machine, launches):
    """Launches all in order."""
    for one in launches:
        machine.launch(*one)
