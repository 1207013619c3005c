"""Launches on the processor: the kernels' own sources, compiled for the emulator of the tests."""

import ctypes
import hashlib
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from .failure import KernelError
from .structs import SOURCES

_ROOT = Path(__file__).resolve().parents[3]
_EMULATOR = _ROOT / "samediff-ops/src/test/cpp/cuda"
_CPP = _ROOT / "samediff-ops/src/main/cpp"
_BUILD = _ROOT / "benchmarks/target/emulated"

# Every kernel becomes a function of the library, which launches it.
_MODULE = """
#include <cstdio>
#include <cstdlib>
#include "emulator.h"
#include "warp.cuh"
#undef KERNEL
#define KERNEL(declared, name, Parameters)                                              \\
  static void name(const Parameters& p);                                                \\
  extern "C" void launch_##name(int x, int y, int z, int threads, long shared,          \\
                                const Parameters* p) {                                  \\
    if (threads != (declared)) {                                                        \\
      std::printf("%s is for %d threads, not %d\\n", #name, int(declared), threads);     \\
      std::fflush(stdout);                                                              \\
      std::abort();                                                                     \\
    }                                                                                   \\
    emulator::launch(x, y, z, threads, shared, [p] { name(*p); });                      \\
  }                                                                                     \\
  static void name(const Parameters& p)
"""


class EmulatorError(KernelError):
    """A kernel does not compile for the emulator, or g++ is not there."""


class Emulator:
    """Tensors lie in ordinary memory; a launch returns when all is done."""

    device = torch.device("cpu")

    def __init__(self):
        _BUILD.mkdir(parents=True, exist_ok=True)
        sources = sorted([*SOURCES.iterdir(), *_EMULATOR.iterdir(), *_CPP.glob("*.h")])
        digest = hashlib.sha256(_MODULE.encode())
        for source in filter(Path.is_file, sources):
            digest.update(source.read_bytes())
        self._digest = digest.hexdigest()[:16]
        self._libraries = {}

    def __str__(self):
        return "emulated on the processor"

    def prepare(self, modules, progress):
        """Compiles modules, given as (name, macros), side by side."""
        wanted = {self._path(*module): module for module in modules}
        missing = [module for path, module in wanted.items() if not path.is_file()]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for i, _ in enumerate(pool.map(lambda module: self._compile(*module), missing)):
                progress(f"compiled {i + 1} of {len(missing)} modules for the emulator")

    def launch(self, module, macros, kernel, grid, threads, shared, parameters):
        path = self._path(module, macros)
        if path not in self._libraries:
            if not path.is_file():
                self._compile(module, macros)
            self._libraries[path] = ctypes.CDLL(str(path))
        launch = getattr(self._libraries[path], f"launch_{kernel}")
        launch(*grid, threads, ctypes.c_long(shared), ctypes.byref(parameters))

    def wait(self):
        """Nothing is ever under way."""

    def _path(self, module, macros):
        named = "-".join(f"{name}{value}" for name, value in sorted(macros.items()))
        return _BUILD / f"{module}-{named}-{self._digest}.so"

    def _compile(self, module, macros):
        path = self._path(module, macros)
        unfinished = path.with_suffix(f".{os.getpid()}")
        command = [
            os.environ.get("CXX", "g++"),
            "-std=c++17",
            "-O1",
            "-w",
            "-shared",
            "-fPIC",
            "-pthread",
        ]
        command += [f"-D{name}={value}" for name, value in macros.items()]
        command += [f"-I{folder}" for folder in (_EMULATOR, _CPP, SOURCES)]
        command += ["-x", "c++", "-", str(_EMULATOR / "emulator.cpp"), "-o", str(unfinished)]
        text = f"{_MODULE}#include <{module}.cu>\n"
        try:
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        except OSError as e:
            raise EmulatorError(f"{command[0]}: {e.strerror} (CXX names the compiler)") from e
        if done.returncode != 0:
            raise EmulatorError(f"{module} {macros} does not compile:\n{done.stderr}")
        unfinished.rename(path)
