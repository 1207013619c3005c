"""Times of contestants that take turns."""

import gc
import statistics
import time
from dataclasses import dataclass, field

import torch

_SECONDS_OF_A_TURN = 0.15
_MOST_CALLS = 50
# Relative to the norm: both round operands and results to bfloat16, each in its own way.
_ALLOWED_DIFFERENCE = 3e-2


@dataclass
class Timed:
    """A contestant's times in milliseconds, one a round; or why it has none."""

    forward: list = field(default_factory=list)
    backward: list = field(default_factory=list)
    note: str = ""

    def median(self, phase):
        times = getattr(self, phase)
        return statistics.median(times) if times else None


class Stopwatch:
    """Times calls on the GPU by events, or on the processor by its clock."""

    def __init__(self, device):
        self._gpu = device.type == "cuda"
        # Written before each call, so that it does not find its inputs in the cache; large, so that
        # the processor has launched all of the call before the GPU begins with it.
        self._flush = torch.empty((1 << 30) if self._gpu else 1, dtype=torch.uint8, device=device)

    def milliseconds(self, call):
        self._flush.zero_()
        if not self._gpu:
            started = time.perf_counter()
            call()
            return 1000 * (time.perf_counter() - started)
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end)

    def turn(self, call):
        """Returns the median of calls that last a turn together."""
        first = self.milliseconds(call)
        calls = max(2, min(_MOST_CALLS, int(1000 * _SECONDS_OF_A_TURN / max(first, 1e-3))))
        return statistics.median(self.milliseconds(call) for _ in range(calls))


def compete(makers, rounds, device, progress):
    """Returns the times of contestants by name.

    makers: what makes each, by name; a value is (make, name of the one whose results it must have)
    """
    timed = {name: Timed() for name in makers}
    alive = {}
    for name, (make, peer) in makers.items():
        progress(f"{name}: preparing")
        try:
            contestant = make()
            for phase in ("forward", "backward"):
                getattr(contestant, phase)()
            _wait(device)
            apart = _difference(contestant, alive.get(peer))
        except Exception as e:  # a peer that cannot do this is left out, with its reason
            timed[name].note = f"{type(e).__name__}: {' '.join(str(e).split())[:160]}"
            continue
        if not apart <= _ALLOWED_DIFFERENCE:
            timed[name].note = f"results differ from {peer}'s by {apart:.2g}"
            continue
        alive[name] = contestant
    stopwatch = Stopwatch(device)
    for i in range(rounds):
        for name, contestant in alive.items():
            progress(f"{name}: round {i + 1} of {rounds}")
            for phase in ("forward", "backward"):
                getattr(timed[name], phase).append(stopwatch.turn(getattr(contestant, phase)))
    alive.clear()
    gc.collect()
    return timed


def _wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def _difference(contestant, peer):
    if peer is None:
        return 0.0
    ours, theirs = ([x.output, *x.gradients] for x in (contestant, peer))
    return max(_apart(x, y) for x, y in zip(ours, theirs, strict=True))


def _apart(x, y):
    """The norm of the difference in parts of the norm, head by head to spare memory."""
    difference = norm = 0.0
    for a, b in zip(x.flatten(0, 1), y.flatten(0, 1)):
        a, b = a.float(), b.float()
        difference += (a - b).square().sum().item()
        norm += b.square().sum().item()
    return (difference / norm) ** 0.5 if norm else float("inf")
