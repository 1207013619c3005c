"""Who is timed.

Each is made for one work and one mask and has `forward` and `backward`, which leave `output`
[1, H, T, D] and `gradients` of query, key and value.
"""

import inspect

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from .attention import Attention, Rules, launch


class Own:
    """The kernels of this repository; each call classifies tiles and packs operands anew."""

    def __init__(self, tensors, mask, machine, precision="bfloat16", rotary=False):
        t = tensors
        ids = t.work.ids(mask)[None].to(t.device)
        positions = torch.arange(t.work.tokens, dtype=torch.int32, device=t.device)[None]
        rules = Rules(mask, rotary_pairs=t.work.head_dim // 2 if rotary else 0, theta=500_000.0)
        attention = Attention(machine, precision, rules, t.query, t.key, t.value, ids, positions)
        self._machine = machine
        self._attention = attention  # holds what the launches' structs point to
        self.output = torch.full_like(t.query, float("nan"))
        self.gradients = [torch.full_like(x, float("nan")) for x in (t.query, t.key, t.value)]
        self._log_sum_exp = torch.empty(t.query.shape[:3], device=t.device)
        saved = self.output, self._log_sum_exp
        self._forward = attention.forward(*saved)
        self._backward = attention.backward(*saved, t.output_gradient, *self.gradients)

    def forward(self):
        launch(self._machine, self._forward)

    def backward(self):
        launch(self._machine, self._backward)


class _Autograd:
    """Has torch differentiate `compute`."""

    def __init__(self, tensors):
        self._leaves = tensors.leaves()
        self._output_gradient = tensors.output_gradient

    def forward(self):
        self._result = self.compute(*self._leaves)
        self.output = self._result.detach()

    def backward(self):
        self.gradients = torch.autograd.grad(
            self._result, self._leaves, self._output_gradient, retain_graph=True
        )


class Flex(_Autograd):
    """FlexAttention, compiled for these shapes; its block mask is made once, here."""

    def __init__(self, tensors, mask, compiled=True):
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        super().__init__(tensors)
        tokens = tensors.work.tokens
        ids = tensors.work.ids(mask).to(tensors.device)

        def sees(b, h, q, k):
            causal = q >= k
            if mask == "full":
                return causal
            same = ids[q] == ids[k]
            return causal & (same | (ids[k] == 0) if mask == "anchor" else same)

        make = torch.compile(create_block_mask) if compiled else create_block_mask
        self._mask = make(sees, None, None, tokens, tokens, device=tensors.device)
        self._flex = torch.compile(flex_attention, dynamic=False) if compiled else flex_attention

    def compute(self, query, key, value):
        return self._flex(query, key, value, block_mask=self._mask, enable_gqa=True)


class Flash(_Autograd):
    """FlashAttention of scaled_dot_product_attention: causal, without documents."""

    def __init__(self, tensors):
        super().__init__(tensors)

    def compute(self, query, key, value):
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            return F.scaled_dot_product_attention(
                query, key, value, is_causal=True, enable_gqa=True
            )


class FlashDocuments(_Autograd):
    """FlashAttention over documents without an anchor, one after the other in memory."""

    def __init__(self, tensors):
        from torch.nn.attention.varlen import varlen_attn

        super().__init__(tensors)
        lengths = torch.tensor([0, *tensors.work.lengths()], device=tensors.device)
        ends = lengths.cumsum(0).int()
        longest = int(lengths.max())
        self._sizes = (ends, ends, longest, longest)
        known = inspect.signature(varlen_attn).parameters
        self._options = {"window_size": (-1, 0)} if "window_size" in known else {"is_causal": True}
        if "enable_gqa" in known:
            self._options["enable_gqa"] = True
        self._varlen = varlen_attn

    def compute(self, query, key, value):
        packed = (x.squeeze(0).transpose(0, 1) for x in (query, key, value))
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            output = self._varlen(*packed, *self._sizes, **self._options)
        return output.transpose(0, 1).unsqueeze(0)
