"""The programs themselves, as far as they go without a GPU."""

import subprocess
import sys
import unittest
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[1]


def run(script, *arguments):
    command = [sys.executable, str(_FOLDER / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class ScriptsTest(unittest.TestCase):
    def test_cases_that_hold_end_well(self):
        match = "bfloat16, tokens=2 head_dim=16"
        done = run("correctness", "--emulated", "--only", "leaks", "--match", match)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 of 1 cases failed", done.stdout)

    def test_a_limit_leaves_cases_out_by_number(self):
        match = "bfloat16, tokens=2 head_dim=16"
        done = run("correctness", "--emulated", "--match", match, "--limit", "1e-9")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("NOT RUN: 1 of 1 cases", done.stdout)

    def test_a_wrong_argument_is_one_line(self):
        for script, *wrong in (
            ("correctness", "--only", "speed"),
            ("correctness", "--limit", "0"),
            ("speed", "--tokens", "5"),
            ("speed", "--heads", "12"),
        ):
            done = run(script, *wrong)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertRegex(done.stderr, rf"\A{script}: [^\n]*{wrong[0]}[^\n]*\n\Z")


if __name__ == "__main__":
    unittest.main()
