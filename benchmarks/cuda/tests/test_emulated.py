"""Cases of `correctness` and a comparison of `speed` on the emulated kernels."""

import unittest

import torch

from anchor4j_cuda.attention import PRECISIONS
from anchor4j_cuda.checks import cases
from anchor4j_cuda.comparison import compare
from anchor4j_cuda.emulator import Emulator
from anchor4j_cuda.failure import Failure
from anchor4j_cuda.report import Report
from anchor4j_cuda.work import Work

_MOST_TOKENS = 65


def setUpModule():
    torch.set_num_threads(1)


class EmulatedTest(unittest.TestCase):
    machine = Emulator()

    def hold(self, *groups):
        """Runs the groups' cases of few modules and tokens."""
        found = [c for c in cases() if c.group in groups and c.tokens <= _MOST_TOKENS]
        found = [c for c in found if all(m.get("HEAD_DIM", 64) in (16, 64) for _, m in c.modules)]
        self.machine.prepare([m for c in found for m in c.modules], lambda said: None)
        for case in found:
            with self.subTest(case.name):
                case.check(self.machine)
        return found

    def test_attention_follows_the_rules_in_every_precision(self):
        found = self.hold("attention")
        for precision in PRECISIONS:
            self.assertGreater(sum(c.name.startswith(precision) for c in found), 10)

    def test_bits_of_other_documents_rows_and_runs_stay(self):
        found = self.hold("leaks", "determinism", "rows")
        self.assertEqual({c.group for c in found}, {"leaks", "determinism"})

    def test_companions_give_what_torch_gives(self):
        self.assertGreater(len(self.hold("companions")), 40)

    def test_a_kernel_that_is_wrong_is_found_out(self):
        case = next(c for c in cases() if c.group == "attention" and c.tokens == 63)
        with self.assertRaises(Failure):
            case.check(Wrong(self.machine))


class Wrong:
    """A machine whose kernels forget a window of 5 tokens, or give one too much."""

    def __init__(self, machine):
        self.device = machine.device
        self._machine = machine
        self.wait = machine.wait

    def launch(self, module, macros, kernel, grid, threads, shared, parameters):
        if hasattr(parameters, "window"):
            parameters.window = 0 if parameters.window else 5
        self._machine.launch(module, macros, kernel, grid, threads, shared, parameters)


class ComparisonTest(unittest.TestCase):
    work = Work(tokens=128, head_dim=64, heads=8, kv_heads=1, documents=3)

    def test_contestants_agree_and_the_report_has_a_row_for_each_pass(self):
        machine = Emulator()
        timed = compare(
            machine, self.work, ("flex", "flash", "precisions"), 1, print, compiled=False
        )
        for name in (("own", "full"), ("own", "anchor"), ("own", "intra-document")):
            self.assertEqual(timed[name].note, "")
            self.assertGreater(timed[name].median("backward"), 0)
        # What torch cannot do on a processor is left out by name; results that differ never are.
        for name in (("compensated", "anchor"), ("flash", "full")):
            self.assertEqual(timed[name].note, "")
        self.assertNotIn("differ", "".join(t.note for t in timed.values()))
        report = Report(machine, ["speed", "--rounds", "1"])
        report.add(self.work, timed)
        lines = report.lines()
        self.assertEqual(sum(line.startswith("| T 128, D 64") for line in lines), 6 + 4)
        self.assertIn("| command | `benchmarks/cuda/speed --rounds 1` |", lines)


if __name__ == "__main__":
    unittest.main()
