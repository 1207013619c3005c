"""Compilation by NVRTC, which needs no GPU."""

import unittest

from anchor4j_cuda.attention import PRECISIONS, module_of
from anchor4j_cuda.gpu import Launcher
from anchor4j_cuda.nvrtc import Compiler, NvrtcError

TARGETS = ("sm_80", "sm_86", "sm_89", "sm_90")


class NvrtcTest(unittest.TestCase):
    compiler = Compiler()

    def test_modules_compile_for_every_gpu(self):
        modules = [("attention_prepare", {}), ("companions", {})]
        # The build's own tests compile every head dimension.
        modules += [module_of(precision, 128) for precision in PRECISIONS]
        for target in TARGETS:
            with self.subTest(target):
                said = []
                Launcher(None, self.compiler, target).prepare(modules, said.append)
                self.assertEqual(said[-1], f"compiled {len(modules)} of {len(modules)} modules")

    def test_ptx_ends_with_the_zero_that_the_driver_looks_for(self):
        ptx = self.compiler.compile("attention_prepare", {}, "compute_80")
        self.assertEqual(ptx[-1], 0)
        for kernel in (b"attention_tiles", b"attention_pack", b"rotary_angles"):
            self.assertIn(b".entry " + kernel, ptx)

    def test_a_gpu_gets_its_own_machine_code_or_the_newest_ptx_below(self):
        self.assertEqual(self.compiler.target(90), "sm_90")
        newest = max(self.compiler.capabilities)
        self.assertEqual(self.compiler.target(newest + 1), f"compute_{newest}")
        with self.assertRaisesRegex(NvrtcError, "not 10"):
            self.compiler.target(10)

    def test_what_does_not_compile_is_said(self):
        with self.assertRaisesRegex(NvrtcError, "error"):
            self.compiler.compile("attention_pairs", {"HEAD_DIM": "none"}, "sm_90")


if __name__ == "__main__":
    unittest.main()
