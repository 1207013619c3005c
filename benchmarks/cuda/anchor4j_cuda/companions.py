"""The other kernels of a decoder's step: what a host launches for each, by parameters.cuh."""

import torch

from .arrays import array, poisoned, type_of, up
from .structs import fill

_BLOCK = 256
_SQUARES_PER_PART = 8192


def wide(tensor):
    """The type that a kernel computes in."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


class Companions:
    """Launches on one machine; shapes have at most four dimensions."""

    def __init__(self, machine):
        self._machine = machine

    def convert(self, source, target):
        """Copies; source may have strides of 0."""
        self._over_elements(
            "convert",
            target,
            fill(
                "ConvertParameters", **_last(**{"from": source, "to": target}), shape=_shape(target)
            ),
        )

    def gated_silu(self, gate, up, output):
        p = fill(
            "GatedSiluParameters", **_last(gate=gate, up=up, output=output), shape=_shape(gate)
        )
        self._over_elements("gated_silu", gate, p)

    def gated_silu_gradient(self, gate, up, output_gradient, gate_gradient, up_gradient):
        arrays = _last(
            gate=gate,
            up=up,
            output_gradient=output_gradient,
            gate_gradient=gate_gradient,
            up_gradient=up_gradient,
        )
        p = fill("GatedSiluParameters", **arrays, shape=_shape(gate))
        self._over_elements("gated_silu_gradient", gate, p)

    def rotary(self, rules, heads, positions, rotated, inverse):
        """heads and rotated [B, H, T, D], positions int32 [B, T]"""
        batch, count, tokens, head_dim = heads.shape
        pairs = rules.rotary_pairs
        table = torch.empty(
            (batch, tokens, pairs, 2), dtype=wide(heads), device=self._machine.device
        )
        frequencies = rules.frequencies(batch).to(self._machine.device)
        angles = fill(
            "RotaryAnglesParameters",
            positions=positions.data_ptr(),
            frequencies=frequencies.data_ptr(),
            angles=table.data_ptr(),
            factor=rules.factor,
            count=batch * tokens * pairs,
            tokens=tokens,
            pairs=pairs,
            type=type_of(table),
        )
        self._machine.launch(
            "attention_prepare",
            {},
            "rotary_angles",
            (-(-angles.count // _BLOCK), 1, 1),
            _BLOCK,
            0,
            angles,
        )
        p = fill(
            "RotaryParameters",
            **_last(heads=heads, rotated=rotated),
            angles=table.data_ptr(),
            batch=batch,
            head_count=count,
            tokens=tokens,
            head_dim=head_dim,
            pairs=pairs,
            pairing=int(rules.pairing == "interleaved"),
            inverse=int(inverse),
        )
        self._launch("rotary", _element_blocks(batch * count * tokens * up(head_dim, 2) // 2), p)

    def rms_norm(self, epsilon, values, gain, output):
        """values and output [..., C], gain [C]"""
        arrays = _last(input=values, gain=gain, output=output)
        p = fill("RmsNormParameters", **arrays, epsilon=epsilon, shape=_shape(values))
        self._launch("rms_norm", values[..., 0].numel(), p)

    def rms_norm_gradient(
        self, epsilon, values, gain, output_gradient, input_gradient, gain_gradient, part_rows
    ):
        rows, columns = values[..., 0].numel(), values.shape[-1]
        parts = -(-rows // part_rows)
        scratch = self._parts(parts * columns, wide(values))
        arrays = _last(
            input=values, gain=gain, output_gradient=output_gradient, input_gradient=input_gradient
        )
        p = fill(
            "RmsNormParameters",
            **arrays,
            gain_parts=scratch.data_ptr(),
            epsilon=epsilon,
            shape=_shape(values),
            part_rows=part_rows,
        )
        self._launch("rms_norm_gradient", parts, p)
        self._sum_parts(scratch, parts, gain_gradient)

    def column_sums(self, values, sums, part_rows):
        """values [..., C], sums [C]"""
        rows, columns = values[..., 0].numel(), values.shape[-1]
        parts = -(-rows // part_rows)
        scratch = self._parts(parts * columns, wide(values))
        p = fill(
            "ColumnSumsParameters",
            **_last(input=values),
            parts=scratch.data_ptr(),
            shape=_shape(values),
            part_rows=part_rows,
        )
        self._launch("column_sums", -(-columns // _BLOCK) * parts, p)
        self._sum_parts(scratch, parts, sums)

    def sum_of_squares(self, values, total):
        """total float64 [1]"""
        parts = -(-values.numel() // _SQUARES_PER_PART)
        scratch = self._parts(parts, torch.float64)
        arrays = _last(input=values)
        p = fill("SumOfSquaresParameters", **arrays, parts=scratch.data_ptr(), shape=_shape(values))
        self._launch("sum_of_squares", parts, p)
        self._sum_parts(scratch, parts, total)

    def adamw(self, parameters, gradients, first_moment, second_moment, **numbers):
        arrays = _last(
            parameters=parameters,
            gradients=gradients,
            first_moment=first_moment,
            second_moment=second_moment,
        )
        p = fill("AdamWParameters", **arrays, shape=_shape(parameters), **numbers)
        self._over_elements("adamw", parameters, p)

    def cross_entropy(self, logits, chunk, targets, losses, log_sum_exp):
        """logits [N, V], gone through `chunk` columns at a time; targets int32 [N]"""
        rows, columns = logits.shape
        scratch = [self._parts(rows, wide(logits)) for _ in range(3)]
        results = _last(losses=losses, log_sum_exp=log_sum_exp)
        for first in range(0, columns, chunk):
            part = logits[:, first : first + chunk]
            p = fill(
                "CrossEntropyParameters",
                logits=array(part, 2),
                **results,
                targets=targets.data_ptr(),
                row_maximum=scratch[0].data_ptr(),
                row_sum=scratch[1].data_ptr(),
                row_target=scratch[2].data_ptr(),
                rows=rows,
                first_column=first,
                columns=part.shape[1],
                first=int(first == 0),
                type=type_of(logits),
            )
            self._launch("cross_entropy_statistics", rows, p)
        self._launch("cross_entropy_finish", -(-rows // _BLOCK), p)

    def cross_entropy_gradient(
        self, logits, chunk, targets, log_sum_exp, loss_gradients, logit_gradient
    ):
        rows, columns = logits.shape
        for first in range(0, columns, chunk):
            part = logits[:, first : first + chunk]
            p = fill(
                "CrossEntropyParameters",
                logits=array(part, 2),
                logit_gradient=array(logit_gradient[:, first : first + chunk], 2),
                **_last(log_sum_exp=log_sum_exp, loss_gradients=loss_gradients),
                targets=targets.data_ptr(),
                rows=rows,
                first_column=first,
                columns=part.shape[1],
                type=type_of(logits),
            )
            self._launch("cross_entropy_gradient", rows, p)

    def _parts(self, count, kind):
        size = torch.empty(0, dtype=kind).element_size()
        return poisoned(self._machine, count * size).view(kind)

    def _sum_parts(self, parts, count, sums):
        p = fill(
            "SumPartsParameters",
            **_last(sums=sums),
            parts=parts.data_ptr(),
            columns=sums.numel(),
            count=count,
            part_type=type_of(parts),
        )
        self._launch("sum_parts", -(-sums.numel() // _BLOCK), p)

    def _over_elements(self, kernel, like, parameters):
        self._launch(kernel, _element_blocks(like.numel()), parameters)

    def _launch(self, kernel, blocks, parameters):
        self._machine.launch("companions", {}, kernel, (blocks, 1, 1), _BLOCK, 0, parameters)


def _element_blocks(elements):
    return min(-(-elements // _BLOCK), 65536)


def _last(**tensors):
    """Arrays whose dimensions are the last of four."""
    return {name: array(tensor, 4 - tensor.dim()) for name, tensor in tensors.items()}


def _shape(tensor):
    return [1] * (4 - tensor.dim()) + list(tensor.shape)
