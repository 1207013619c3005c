"""What every kernel owes, as cases that a script or a test goes through."""

import torch

from . import attention_checks, bit_checks, companion_checks, drift_checks
from .attention import Rules
from .case import Case, modules
from .failure import need
from .problems import Problem


def cases(seed=0):
    """Returns all cases."""
    return [
        *attention_checks.cases(seed),
        *bit_checks.cases(seed),
        *drift_checks.cases(),
        *companion_checks.cases(),
        *_memory(),
    ]


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
