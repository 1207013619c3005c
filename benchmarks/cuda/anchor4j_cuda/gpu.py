"""Launches on a GPU: the driver's API by ctypes, in torch's context and on torch's stream."""

import ctypes
from concurrent.futures import ThreadPoolExecutor

import torch

from .failure import KernelError
from .nvrtc import Compiler

_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8
_SHARED_BYTES_BY_DEFAULT = 48 << 10


class CudaError(KernelError):
    """The driver refuses, or a kernel has failed: the context is of no use any more."""


class Launcher:
    """Compiles, loads and launches kernels by a driver's functions, in the thread's context."""

    def __init__(self, driver, compiler, target):
        self._driver = driver
        self._compiler = compiler
        self._target = target
        self._images = {}
        self._modules = {}
        self._functions = {}
        self._shared = {}

    def prepare(self, modules, progress):
        """Compiles modules, given as (name, macros), side by side."""
        missing = {_key(*module): module for module in modules if _key(*module) not in self._images}
        with ThreadPoolExecutor() as pool:
            images = {
                key: pool.submit(self._compiler.compile, *module, self._target)
                for key, module in missing.items()
            }
            for i, (key, image) in enumerate(images.items()):
                self._images[key] = image.result()
                progress(f"compiled {i + 1} of {len(images)} modules")

    def launch(self, module, macros, kernel, grid, threads, shared, parameters):
        """Launches a kernel with one struct. Faults inside it surface later, by `wait`."""
        function = self._function(module, macros, kernel)
        if shared > self._shared.get(function.value, _SHARED_BYTES_BY_DEFAULT):
            self._check(
                f"{shared} bytes of shared memory for {kernel}",
                self._driver.cuFuncSetAttribute(function, _MAX_DYNAMIC_SHARED_SIZE_BYTES, shared),
            )
            self._shared[function.value] = shared
        argument = (ctypes.c_void_p * 1)(ctypes.addressof(parameters))
        x, y, z = grid
        status = self._driver.cuLaunchKernel(
            function, x, y, z, threads, 1, 1, shared, self.stream(), argument, None
        )
        self._check(f"{kernel}, grid {grid}, {threads} threads, {shared} shared bytes", status)

    def stream(self):
        """The stream of launches: the default one."""
        return ctypes.c_void_p()

    def _function(self, module, macros, kernel):
        key = (_key(module, macros), kernel)
        if key not in self._functions:
            function = ctypes.c_void_p()
            self._check(
                f"{kernel} of {module}",
                self._driver.cuModuleGetFunction(
                    ctypes.byref(function), self._module(module, macros), kernel.encode()
                ),
            )
            self._functions[key] = function
        return self._functions[key]

    def _module(self, module, macros):
        key = _key(module, macros)
        if key not in self._modules:
            if key not in self._images:
                self._images[key] = self._compiler.compile(module, macros, self._target)
            loaded = ctypes.c_void_p()
            self._check(
                f"loading {module} {macros}",
                self._driver.cuModuleLoadData(ctypes.byref(loaded), self._images[key]),
            )
            self._modules[key] = loaded
        return self._modules[key]

    def _check(self, what, status):
        if status != 0:
            name = ctypes.c_char_p()
            self._driver.cuGetErrorName(status, ctypes.byref(name))
            raise CudaError(f"{what}: {(name.value or b'error').decode()} ({status})")


class Gpu(Launcher):
    """torch's current GPU."""

    def __init__(self):
        torch.cuda.init()
        self.device = torch.device("cuda", torch.cuda.current_device())
        torch.zeros(1, device=self.device)  # makes torch's context the thread's
        major, minor = torch.cuda.get_device_capability()
        compiler = Compiler()
        super().__init__(ctypes.CDLL("libcuda.so.1"), compiler, compiler.target(10 * major + minor))

    def __str__(self):
        return f"{torch.cuda.get_device_name()}, {self._target} by NVRTC {self._compiler.version}"

    def stream(self):
        return ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)

    def wait(self):
        """Waits for all launches and says what went wrong in them."""
        try:
            torch.cuda.synchronize()
        except RuntimeError as e:
            raise CudaError(str(e).splitlines()[0]) from e


def _key(module, macros):
    return module, tuple(sorted(macros.items()))
