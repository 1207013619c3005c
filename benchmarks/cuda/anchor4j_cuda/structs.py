"""The structs and constants of parameters.cuh as ctypes, read from the file itself."""

import ctypes
import re
from pathlib import Path

from .failure import KernelError

SOURCES = (
    Path(__file__).resolve().parents[3] / "samediff-ops/src/main/resources/io/anchor4j/kernel/cuda"
)

_NUMBERS = {
    "a4j_int32": ctypes.c_int32,
    "a4j_int64": ctypes.c_int64,
    "a4j_address": ctypes.c_uint64,
    "double": ctypes.c_double,
}
_STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"(\w+) (\w+)(?:\[(\d+)\])?;")
_SIZE = re.compile(r"static_assert\(sizeof\((\w+)\) == (\d+)")
_ENUM = re.compile(r"^enum \{([^}]*)\};", re.MULTILINE)


class ParameterError(KernelError):
    """parameters.cuh is not as it is read here."""


def parse(text):
    """Returns the structs and the constants of a header, each by name."""
    text = re.sub(r"//[^\n]*", "", text)
    structs = {}
    for name, body in _STRUCT.findall(text):
        structs[name] = type(name, (ctypes.Structure,), {"_fields_": _fields(name, body, structs)})
    sizes = {name: int(size) for name, size in _SIZE.findall(text)}
    for name, struct in structs.items():
        if ctypes.sizeof(struct) != sizes.get(name):
            raise ParameterError(
                f"{name} has {ctypes.sizeof(struct)} bytes here,"
                f" {sizes.get(name)} by its static_assert"
            )
    constants = {}
    for body in _ENUM.findall(text):
        for entry in body.split(","):
            name, value = entry.split("=")
            constants[name.strip()] = int(value)
    return structs, constants


def _fields(struct, body, structs):
    fields = []
    for line in filter(None, (line.strip() for line in body.splitlines())):
        found = _FIELD.fullmatch(line)
        if found is None:
            raise ParameterError(f"{struct} has a line that is no field: {line}")
        kind, name, length = found.groups()
        c = _NUMBERS.get(kind) or structs.get(kind)
        if c is None:
            raise ParameterError(f"{struct}.{name} is of an unknown type: {kind}")
        fields.append((name, c * int(length) if length else c))
    return fields


STRUCTS, CONSTANTS = parse((SOURCES / "parameters.cuh").read_text())


def fill(name, **values):
    """Returns a struct with these fields, 0 in all others; a list fills the front of an array."""
    struct = STRUCTS[name]()
    for field, value in values.items():
        if not hasattr(struct, field):
            raise ParameterError(f"{name} has no field {field}")
        if isinstance(value, (list, tuple)):
            kind = type(getattr(struct, field))
            value = kind(*value)
        setattr(struct, field, value)
    return struct
