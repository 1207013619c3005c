"""Launches by a driver that only writes down what it is asked for."""

import ctypes
import unittest

from anchor4j_cuda.gpu import CudaError, Launcher
from anchor4j_cuda.structs import STRUCTS, fill

_REFUSED = 719


class FakeCompiler:
    def __init__(self):
        self.compiled = []

    def compile(self, module, macros, target):
        self.compiled.append((module, macros, target))
        return b"image"


class FakeDriver:
    """Hands out handles; `refuse` names the function that fails."""

    def __init__(self, refuse=None):
        self.calls = []
        self._refuse = refuse
        self._handles = 100

    def _answer(self, name, *said):
        self.calls.append((name, *said))
        return _REFUSED if name == self._refuse else 0

    def _handle(self, out):
        self._handles += 1
        out._obj.value = self._handles

    def cuModuleLoadData(self, out, image):
        self._handle(out)
        return self._answer("cuModuleLoadData", image)

    def cuModuleGetFunction(self, out, module, name):
        self._handle(out)
        return self._answer("cuModuleGetFunction", name)

    def cuFuncSetAttribute(self, function, attribute, value):
        return self._answer("cuFuncSetAttribute", attribute, value)

    def cuLaunchKernel(self, function, x, y, z, tx, ty, tz, shared, stream, arguments, extra):
        # As the driver does: the struct is read through the first of the arguments' addresses.
        size = ctypes.sizeof(STRUCTS["RotaryAnglesParameters"])
        struct = ctypes.string_at(arguments[0], size)
        said = (x, y, z, tx, ty, tz, shared, stream.value, struct, extra)
        return self._answer("cuLaunchKernel", *said)

    def cuGetErrorName(self, status, out):
        out._obj.value = b"CUDA_ERROR_LAUNCH_FAILED"
        return 0


class LauncherTest(unittest.TestCase):
    parameters = fill("RotaryAnglesParameters", positions=7, factor=0.5, count=300)

    def launch(self, driver, shared=0):
        launcher = Launcher(driver, FakeCompiler(), "sm_90")
        for _ in range(2):
            launcher.launch(
                "attention_prepare", {}, "rotary_angles", (2, 3, 4), 256, shared, self.parameters
            )
        return launcher

    def test_a_launch_says_grid_threads_shared_bytes_and_the_struct(self):
        driver = FakeDriver()
        self.launch(driver)
        said = (2, 3, 4, 256, 1, 1, 0, None, bytes(self.parameters), None)
        self.assertEqual(
            driver.calls,
            [
                ("cuModuleLoadData", b"image"),
                ("cuModuleGetFunction", b"rotary_angles"),
                ("cuLaunchKernel", *said),
                ("cuLaunchKernel", *said),
            ],
        )

    def test_more_than_48_kib_of_shared_memory_is_asked_for_once(self):
        driver = FakeDriver()
        self.launch(driver, shared=(48 << 10) + 16)
        asked = [call for call in driver.calls if call[0] == "cuFuncSetAttribute"]
        self.assertEqual(asked, [("cuFuncSetAttribute", 8, (48 << 10) + 16)])

    def test_what_the_driver_refuses_is_named(self):
        for function, what in (
            ("cuModuleLoadData", "loading attention_prepare"),
            ("cuModuleGetFunction", "rotary_angles of attention_prepare"),
            ("cuFuncSetAttribute", "65536 bytes of shared memory for rotary_angles"),
            ("cuLaunchKernel", r"rotary_angles, grid \(2, 3, 4\), 256 threads, 65536 shared bytes"),
        ):
            with self.subTest(function):
                with self.assertRaisesRegex(
                    CudaError, what + r".*: CUDA_ERROR_LAUNCH_FAILED \(719\)"
                ):
                    self.launch(FakeDriver(function), shared=65536)

    def test_modules_are_compiled_once_for_each_set_of_macros(self):
        compiler = FakeCompiler()
        launcher = Launcher(FakeDriver(), compiler, "sm_90")
        small, large = ("attention_pairs", {"HEAD_DIM": 64}), ("attention_pairs", {"HEAD_DIM": 128})
        launcher.prepare([small, large, small], lambda said: None)
        launcher.prepare([large], lambda said: None)
        self.assertEqual(len(compiler.compiled), 2)


if __name__ == "__main__":
    unittest.main()
