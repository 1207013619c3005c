"""How the scripts speak: results to standard output, progress and errors to standard error."""

import argparse
import sys
import time


class Parser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one line."""

    def error(self, message):
        sys.exit(fail(f"{message}; --help lists the options"))


def fail(message):
    """Says one line and returns the exit status."""
    name = sys.argv[0].rsplit("/", 1)[-1]
    print(f"{name}: {message}", file=sys.stderr)
    return 2


def chosen(known):
    """Returns what reads NAME,NAME,... of those known."""

    def read(text):
        names = text.split(",")
        wrong = [name for name in names if name not in known]
        if wrong:
            raise argparse.ArgumentTypeError(f"no {wrong[0]!r} among {', '.join(known)}")
        return names

    return read


def positive(text):
    """Reads a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text!r}")
    return number


class Progress:
    """One line on a terminal that is written over; lines elsewhere, at most one in five seconds."""

    def __init__(self):
        self._started = time.monotonic()
        self._last = float("-inf")
        self._wide = 0

    def __call__(self, text):
        now = time.monotonic()
        line = f"[{now - self._started:5.0f} s] {text}"
        if sys.stderr.isatty():
            print("\r" + line.ljust(self._wide), end="", file=sys.stderr, flush=True)
            self._wide = len(line)
        elif now - self._last >= 5:
            print(line, file=sys.stderr, flush=True)
            self._last = now

    def done(self):
        if sys.stderr.isatty() and self._wide:
            print("\r" + " " * self._wide + "\r", end="", file=sys.stderr, flush=True)
            self._wide = 0

    def seconds(self):
        return time.monotonic() - self._started
