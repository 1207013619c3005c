"""Tensors as the kernels take them."""

import torch

from .structs import CONSTANTS, fill

_TYPES = {
    torch.float32: CONSTANTS["kFloat32"],
    torch.bfloat16: CONSTANTS["kBfloat16"],
    torch.float16: CONSTANTS["kFloat16"],
    torch.float64: CONSTANTS["kFloat64"],
}


def type_of(tensor):
    """Returns the kernels' number of a tensor's type."""
    return _TYPES[tensor.dtype]


def array(tensor, first=0):
    """Describes a tensor whose dimensions take strides from `first` on."""
    return fill(
        "Array",
        data=tensor.data_ptr(),
        stride=[0] * first + list(tensor.stride()),
        type=type_of(tensor),
    )


def up(x, n):
    """x rounded up to a multiple of n."""
    return -(-x // n) * n


def poisoned(machine, byte_count):
    """Scratch of a kernel: bytes that make NaN of whatever reads them before it wrote them."""
    return torch.full((byte_count,), 255, dtype=torch.uint8, device=machine.device)
