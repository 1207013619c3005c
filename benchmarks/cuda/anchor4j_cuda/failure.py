"""What goes wrong, in words."""


class KernelError(Exception):
    """Kernels cannot be compiled, loaded or launched."""


class Failure(Exception):
    """A property that does not hold."""


def need(holds, what):
    if not holds:
        raise Failure(what)
