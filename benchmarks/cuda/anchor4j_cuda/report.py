"""The report of times in Markdown."""

import datetime
import shlex
import subprocess

import torch

_ROWS = {"full": "no documents", "anchor": "documents, anchor", "intra-document": "documents"}
_NAMES = {"rotary": "with rotary", "compensated": "compensated"}


def _smi(query):
    """One line of nvidia-smi about the GPU, or that it is not known."""
    command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.splitlines()[torch.cuda.current_device()].strip()
    except (OSError, subprocess.SubprocessError, IndexError):
        return "not known"


class Report:
    """Collects times and writes them when all are there."""

    def __init__(self, machine, command):
        self._machine = machine
        self._command = command
        self._results = {}
        self._left_out = []
        self._clocks = []

    def add(self, work, timed):
        self._results[work] = timed
        self._clocks.append(_smi("clocks.sm,clocks.mem,power.draw,temperature.gpu"))

    def leave_out(self, work):
        self._left_out.append(str(work))

    @property
    def whole(self):
        return not self._left_out and not self._notes()

    def write(self):
        print("\n".join(self.lines()), flush=True)

    def lines(self):
        command = " ".join(["benchmarks/cuda/speed", *map(shlex.quote, self._command[1:])])
        facts = {
            "device": self._machine,
            "driver": _smi("driver_version"),
            "torch": f"{torch.__version__}, CUDA {torch.version.cuda}",
            "command": f"`{command}`",
            "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            "SM clock, memory clock, power, temperature after each size": "; ".join(
                dict.fromkeys(self._clocks)
            ),
        }
        lines = ["| | |", "|---|---|"]
        lines += [f"| {name} | {value} |" for name, value in facts.items()]
        lines += ["", *self._table(), *self._precisions()]
        if self._notes():
            lines += ["", "Without times:", "", *(f"- {note}" for note in self._notes())]
        if self._left_out:
            lines += ["", f"Left out for want of time: {'; '.join(self._left_out)}."]
        return lines

    def _table(self):
        yield (
            "| case | pass | ours ms | ours TFLOP/s | of the share | FlexAttention ms | Flex / ours"
            " | FlashAttention ms | Flash / ours |"
        )
        yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
        for work, timed in self._results.items():
            for mask, named in _ROWS.items():
                for phase in ("forward", "backward"):
                    own = timed["own", mask]
                    cells = [f"{work}, {named}", phase, _number(own.median(phase))]
                    cells.append(_rate(work, mask, phase, own))
                    cells.append(_of_share(work, mask, phase, timed))
                    for peer in ("flex", "flash"):
                        cells += _beside(timed.get((peer, mask)), own, phase)
                    yield f"| {' | '.join(cells)} |"

    def _precisions(self):
        rows = [
            (work, name, phase, timed)
            for work, timed in self._results.items()
            for name in _NAMES
            for phase in ("forward", "backward")
            if (name, "anchor") in timed
        ]
        if not rows:
            return
        yield ""
        yield "| documents, anchor | pass | ours ms | to plain bfloat16 |"
        yield "|---|---|---:|---:|"
        for work, name, phase, timed in rows:
            other, plain = timed[name, "anchor"], timed["own", "anchor"]
            cells = [f"{work}, {_NAMES[name]}", phase, *_beside(other, plain, phase)]
            yield f"| {' | '.join(cells)} |"

    def _notes(self):
        return [
            f"{work}, {who} ({mask}): {times.note}"
            for work, timed in self._results.items()
            for (who, mask), times in timed.items()
            if times.note
        ]


def _number(value):
    return "-" if value is None else f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _rate(work, mask, phase, own):
    time = own.median(phase)
    if time is None:
        return "-"
    return f"{work.operations(mask, phase == 'backward') / time / 1e9:.0f}"


def _of_share(work, mask, phase, timed):
    """Time over that of the whole causal mask times the share of its pairs that are visible."""
    whole, time = timed["own", "full"].median(phase), timed["own", mask].median(phase)
    if mask == "full" or whole is None or time is None:
        return "-"
    share = work.visible_pairs(mask) / work.visible_pairs("full")
    return f"{time / (whole * share):.2f}x"


def _beside(other, own, phase):
    """The other's time, and the median of the rounds' ratios to ours, lowest and highest."""
    if other is None or not getattr(other, phase) or not getattr(own, phase):
        return ["-", "-"]
    ratios = sorted(a / b for a, b in zip(getattr(other, phase), getattr(own, phase)))
    middle = ratios[len(ratios) // 2]
    return [_number(other.median(phase)), f"{middle:.2f}x ({ratios[0]:.2f}-{ratios[-1]:.2f})"]
