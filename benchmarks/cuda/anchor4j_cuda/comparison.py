"""The contestants of one work."""

from functools import partial

import torch

from .contestants import Flash, FlashDocuments, Flex, Own
from .timing import compete
from .work import MASKS, Tensors


def compare(machine, work, peers, rounds, progress, compiled=True):
    """Returns the times of all contestants by name and mask, such as ("own", "anchor")."""
    torch._dynamo.reset()  # what it compiled for other sizes counts against its limit
    tensors = Tensors(work, machine.device)
    makers = {}
    for mask in MASKS:
        own = ("own", mask)
        makers[own] = (partial(Own, tensors, mask, machine), None)
        if "flex" in peers and mask != "intra-document":
            makers["flex", mask] = (partial(Flex, tensors, mask, compiled), own)
        if "flash" in peers and mask == "full":
            makers["flash", mask] = (partial(Flash, tensors), own)
        if "flash" in peers and mask == "intra-document":
            makers["flash", mask] = (partial(FlashDocuments, tensors), own)
    if "precisions" in peers:
        for name, precision, rotary in (
            ("rotary", "bfloat16", True),
            ("compensated", "compensated", False),
        ):
            own = partial(Own, tensors, "anchor", machine, precision, rotary)
            makers[name, "anchor"] = (own, ("own", "anchor") if not rotary else None)
    return compete(makers, rounds, machine.device, lambda text: progress(f"{work}, {text}"))
