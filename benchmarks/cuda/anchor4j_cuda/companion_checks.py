"""What the companions owe: torch's results in float64, whatever the arrays' type and strides."""

import torch
import torch.nn.functional as F

from .attention import Rules
from .case import Case
from .companions import Companions
from .failure import need
from .problems import LAYOUTS, Buffer
from .reference import angles, rotate

_KINDS = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
_LAST_PLACE = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}
_MODULES = ("companions", {}), ("attention_prepare", {})
_LAYOUTS = LAYOUTS[:4]  # those that results can have


class Arrays:
    """Random arrays of one type and layout on one machine, and results to compare."""

    def __init__(self, machine, kind, layout, seed):
        self.kernels = Companions(machine)
        self._machine = machine
        self.kind = kind
        self._layout = layout
        self._numbers = torch.Generator().manual_seed(seed)
        self._buffers = []

    def draw(self, *shape):
        values = torch.randn(shape, generator=self._numbers, dtype=torch.float64)
        return self._buffer(shape, self.kind).copy_(values)

    def result(self, *shape, kind=None):
        """An array to be written, full of NaN."""
        return self._buffer(shape, kind or self.kind).fill_(float("nan"))

    def _buffer(self, shape, kind):
        layout = self._layout if len(shape) == 4 or self._layout == "gaps" else "dense"
        self._buffers.append(Buffer(shape, kind, layout, self._machine.device))
        return self._buffers[-1].tensor

    def on_device(self, tensor):
        return tensor.to(self._machine.device)

    def integers(self, least, most, shape):
        drawn = torch.randint(least, most, shape, generator=self._numbers)
        return self.on_device(drawn.int())

    def compare(self, **pairs):
        """Each a result with what it should be, in float64."""
        self._machine.wait()
        for name, (result, expected) in pairs.items():
            relative = 1e-12 if self.kind == torch.float64 else 1e-5
            scale = max(1.0, expected.abs().max().item())
            allowed = relative * scale + _LAST_PLACE.get(result.dtype, 0) * expected.abs()
            error = (result.double() - expected).abs()
            need(bool((error <= allowed).all()), f"{name}: error {error.max().item():.3g}")
        need(all(b.canaries_alive() for b in self._buffers), "wrote outside of its arrays")


def cases():
    """Returns each check in each type; layouts take turns."""
    checks = {
        "rms norm": rms_norm,
        "gated silu": gated_silu,
        "rotary": rotary,
        "column sums": column_sums,
        "sum of squares": sum_of_squares,
        "adamw": adamw,
        "cross-entropy": cross_entropy,
    }
    for i, (name, check) in enumerate(checks.items()):
        for j, kind in enumerate(_KINDS):
            layout = _LAYOUTS[(i + j) % len(_LAYOUTS)]
            yield Case(
                "companions", f"{name}, {kind}, {layout}", _MODULES, _run(check, kind, layout, i)
            )
    for source in _KINDS:
        for target in _KINDS:
            yield Case(
                "companions", f"convert {source} to {target}", _MODULES, _conversion(source, target)
            )


def _run(check, kind, layout, seed):
    return lambda machine: check(Arrays(machine, kind, layout, seed))


def _gradients(function, inputs, output_gradient):
    """Returns output and gradients by torch, in float64."""
    leaves = [x.double().detach().requires_grad_() for x in inputs]
    output = function(*leaves)
    output.backward(output_gradient.double())
    return output.detach(), *(leaf.grad for leaf in leaves)


def rms_norm(a):
    for shape, part_rows in (
        ((1, 1, 1, 1), 1),
        ((2, 3, 5, 64), 7),
        ((1, 2, 33, 300), 16),
        ((1, 1, 3, 1031), 64),
    ):
        x, gain, dy = a.draw(*shape), a.draw(shape[-1]), a.draw(*shape)
        y, dx, dgain = a.result(*shape), a.result(*shape), a.result(shape[-1])
        a.kernels.rms_norm(1e-5, x, gain, y)
        a.kernels.rms_norm_gradient(1e-5, x, gain, dy, dx, dgain, part_rows)
        expected = _gradients(lambda x, g: F.rms_norm(x, x.shape[-1:], g, 1e-5), (x, gain), dy)
        a.compare(output=(y, expected[0]), input=(dx, expected[1]), gain=(dgain, expected[2]))


def gated_silu(a):
    for shape in ((1, 1, 1, 1), (2, 3, 5, 7), (1, 2, 33, 129)):
        gate, up, dy = a.draw(*shape), a.draw(*shape), a.draw(*shape)
        y, dgate, dup = (a.result(*shape) for _ in range(3))
        a.kernels.gated_silu(gate, up, y)
        a.kernels.gated_silu_gradient(gate, up, dy, dgate, dup)
        expected = _gradients(lambda g, u: F.silu(g) * u, (gate, up), dy)
        a.compare(output=(y, expected[0]), gate=(dgate, expected[1]), up=(dup, expected[2]))


def rotary(a):
    for pairing in ("half-split", "interleaved"):
        for head_dim, pairs in ((2, 1), (7, 2), (64, 32), (128, 20)):
            rules = Rules(rotary_pairs=pairs, pairing=pairing, factor=1.25)
            heads = a.draw(2, 3, 70, head_dim)
            positions = a.integers(0, 131_072, (2, 70))
            turned, back = a.result(*heads.shape), a.result(*heads.shape)
            a.kernels.rotary(rules, heads, positions, turned, inverse=False)
            a.kernels.rotary(rules, heads, positions, back, inverse=True)
            cosine, sine = angles(rules, positions)
            a.compare(
                turned=(turned, rotate(rules, heads.double(), cosine, sine)),
                back=(back, rotate(rules, heads.double(), cosine, -sine)),
            )


def column_sums(a):
    for shape, part_rows in (((1, 1, 1, 1), 1), ((2, 3, 50, 257), 64), ((1, 1, 1000, 5), 128)):
        x, sums = a.draw(*shape), a.result(shape[-1])
        a.kernels.column_sums(x, sums, part_rows)
        a.compare(sums=(sums, x.double().flatten(0, 2).sum(0)))


def sum_of_squares(a):
    for shape in ((1, 1, 1, 1), (3, 5, 7, 11), (2, 3, 50, 257)):
        x = a.draw(*shape)
        total, again = (a.result(1, kind=torch.float64) for _ in range(2))
        a.kernels.sum_of_squares(x, total)
        a.kernels.sum_of_squares(x, again)
        exact = x.double().square().sum()
        a.compare(total=(total, exact[None]))
        need(abs(total.item() - exact.item()) <= 1e-13 * exact.item(), "not summed in float64")
        need(torch.equal(total, again), "other bits in a second run")


def adamw(a):
    """Three of torch's steps. In 16 bits each step rounds, so that one is compared."""
    wide = a.kind in (torch.float32, torch.float64)
    shape = (2, 3, 5, 67)
    ours, m, v = (a.draw(*shape) for _ in range(3))
    m.zero_(), v.zero_()
    theirs = ours.double().detach().requires_grad_()
    optimizer = torch.optim.AdamW([theirs], lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    for step in range(1, 4 if wide else 2):
        gradients = a.draw(*shape)
        a.kernels.adamw(
            ours,
            gradients,
            m,
            v,
            learning_rate=1e-2,
            beta1=0.9,
            beta2=0.95,
            epsilon=1e-8,
            weight_decay=0.1,
            first_correction=1 - 0.9**step,
            second_correction=1 - 0.95**step,
            gradient_scale=0.5,
        )
        theirs.grad = gradients.double() * 0.5
        optimizer.step()
    state = optimizer.state[theirs]
    a.compare(
        parameters=(ours, theirs.detach()),
        first_moment=(m, state["exp_avg"]),
        second_moment=(v, state["exp_avg_sq"]),
    )


def cross_entropy(a):
    """Logits are float32 or float64; the type is that of the gradients."""
    wide = torch.float64 if a.kind == torch.float64 else torch.float32
    for rows, columns, chunk in ((1, 1, 1), (5, 7, 7), (33, 1000, 300), (300, 517, 128)):
        logits = (a.on_device(torch.randn(rows, columns, dtype=torch.float64)) * 5).to(wide)
        targets = a.integers(0, columns, (rows,))
        targets[::4] = -100
        loss_gradients = a.draw(rows)
        losses, log_sum_exp = a.result(rows, kind=wide), a.result(rows, kind=wide)
        logit_gradient = a.result(rows, columns)
        a.kernels.cross_entropy(logits, chunk, targets, losses, log_sum_exp)
        a.kernels.cross_entropy_gradient(
            logits, chunk, targets, log_sum_exp, loss_gradients, logit_gradient
        )
        counts = targets >= 0
        expected, gradient = _gradients(
            lambda x, t=targets: F.cross_entropy(x, t.long(), reduction="none"),
            (logits,),
            loss_gradients,
        )
        a.compare(
            losses=(losses, expected),
            log_sum_exp=(log_sum_exp, logits.double().logsumexp(1) * counts),
            logit_gradient=(logit_gradient, gradient),
        )


def _conversion(source, target):
    def check(machine):
        for layout in _LAYOUTS:
            a = Arrays(machine, source, layout, 1)
            values = a.draw(2, 3, 17, 19)
            converted, spread = (a.result(*values.shape, kind=target) for _ in range(2))
            a.kernels.convert(values, converted)
            row = values[:1, :1, :1].expand(values.shape)
            a.kernels.convert(row, spread)
            # By way of float32, as everything here that is not float64 on both sides.
            way = source if target == torch.float64 else torch.float32
            a.compare()
            need(torch.equal(converted, values.to(way).to(target)), f"{layout}: other bits")
            need(torch.equal(spread, row.to(way).to(target)), f"{layout}: a row spread differs")

    return check
