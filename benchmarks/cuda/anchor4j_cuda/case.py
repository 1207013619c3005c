"""A check with its name and the modules that it launches."""

from collections.abc import Callable
from dataclasses import dataclass

from .attention import module_of


@dataclass(frozen=True)
class Case:
    """One check of one group: it takes a machine and raises Failure, or returns what to say."""

    group: str
    name: str
    modules: tuple
    check: Callable
    tokens: int = 0  # of a row, where many of them take an emulator long


def modules(precision, head_dim):
    return ("attention_prepare", {}), module_of(precision, head_dim)


def of_problem(group, precision, problem, check):
    launched = modules(precision, problem.head_dim)
    return Case(group, f"{precision}, {problem}", launched, check, problem.tokens)
