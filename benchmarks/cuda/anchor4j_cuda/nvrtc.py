"""CUDA C to machine code or PTX, by NVRTC and with the options of the Java host."""

import ctypes
import os
import site
import sys
from pathlib import Path

from .failure import KernelError
from .structs import SOURCES

_NAMES = ("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2")


class NvrtcError(KernelError):
    """NVRTC is not there, or does not compile a source."""


def _places():
    for variable in ("CUDA_PATH", "CUDA_HOME"):
        if os.environ.get(variable):
            yield Path(os.environ[variable]) / "lib64"
    # What comes with torch: nvidia/cu13/lib, or nvidia/cuda_nvrtc/lib of CUDA 11 and 12.
    for packages in [*sys.path, *site.getsitepackages()]:
        yield from sorted(Path(packages or ".").glob("nvidia/c*/lib"))
    yield Path("/usr/local/cuda/lib64")


def _load():
    for place in _places():
        for name in _NAMES:
            if (place / name).is_file():
                return ctypes.CDLL(str(place / name))
    for name in _NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise NvrtcError(
        f"NVRTC not found ({', '.join(_NAMES)}): install PyTorch for CUDA, or name a CUDA toolkit"
        " by CUDA_PATH"
    )


class Compiler:
    """Compiles sources; may be used by several threads."""

    def __init__(self):
        self.library = _load()
        self.library.nvrtcGetErrorString.restype = ctypes.c_char_p
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._check(
            "its version", self.library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        )
        self.version = f"{major.value}.{minor.value}"
        count = ctypes.c_int()
        self._check("its targets", self.library.nvrtcGetNumSupportedArchs(ctypes.byref(count)))
        known = (ctypes.c_int * count.value)()
        self._check("its targets", self.library.nvrtcGetSupportedArchs(known))
        self.capabilities = list(known)

    def target(self, capability):
        """Returns sm_XX if it knows the GPU, otherwise compute_XX of the newest below."""
        below = [known for known in self.capabilities if known <= capability]
        if not below:
            raise NvrtcError(
                f"NVRTC {self.version} compiles for {self.capabilities}, not {capability}"
            )
        return f"{'sm' if max(below) == capability else 'compute'}_{max(below)}"

    def compile(self, module, macros, target):
        """Returns an image that the driver loads.

        module: the name of a .cu file; macros: a mapping; target: sm_XX or compute_XX
        """
        options = [f"--gpu-architecture={target}", "--std=c++17", f"--include-path={SOURCES}"]
        # Without it, NVRTC before 13 takes a generic lambda for a function of the host.
        options.append("--device-as-default-execution-space")
        options += [f"--define-macro={name}={value}" for name, value in macros.items()]
        text = (SOURCES / f"{module}.cu").read_bytes()
        program = ctypes.c_void_p()
        self._check(
            module,
            self.library.nvrtcCreateProgram(
                ctypes.byref(program), text, f"{module}.cu".encode(), 0, None, None
            ),
        )
        try:
            all_options = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
            status = self.library.nvrtcCompileProgram(program, len(options), all_options)
            if status != 0:
                log = self._result(program, "ProgramLog").decode(errors="replace").rstrip("\0\n")
                raise NvrtcError(f"{module} {macros} does not compile for {target}:\n{log}")
            return self._result(program, "CUBIN" if target.startswith("sm_") else "PTX")
        finally:
            self.library.nvrtcDestroyProgram(ctypes.byref(program))

    def _result(self, program, kind):
        size = ctypes.c_size_t()
        get_size = getattr(self.library, f"nvrtcGet{kind}Size")
        self._check(kind, get_size(program, ctypes.byref(size)))
        buffer = ctypes.create_string_buffer(size.value)
        self._check(kind, getattr(self.library, f"nvrtcGet{kind}")(program, buffer))
        return buffer.raw

    def _check(self, what, status):
        if status != 0:
            raise NvrtcError(f"NVRTC, {what}: {self.library.nvrtcGetErrorString(status).decode()}")
