"""Whether scores depend on distance alone: the same tokens, all 126,976 positions further on."""

import torch

from .attention import Attention, Rules, launch
from .case import Case, modules
from .failure import need


def cases():
    for precision, most, least in (
        ("float32", 1e-5, 0),
        ("compensated", 1e-5, 0),
        ("bfloat16", 1e-2, 1e-3),
    ):
        yield Case(
            "drift", precision, modules(precision, 128), _drift_check(precision, most, least)
        )


def _drift_check(precision, most, least):
    def check(machine):
        here, there = (_scores_at(shift, machine, precision) for shift in (0, 126_976))
        drift = (there - here).double().square().mean().sqrt().item()
        need(drift <= most, f"scores drift by {drift:.2g}, allowed {most:.0e}")
        need(drift >= least, f"positions play no part: scores drift by {drift:.2g}")
        return f"{precision} scores drift by {drift:.2g} RMS under a shift of 126,976"

    return check


def _scores_at(shift, machine, precision):
    """The log-sum-exps of queries that see one key each, which makes them scores."""
    pairs, head_dim = 500, 128
    numbers = torch.Generator().manual_seed(1)
    shape = (1, 1, pairs, head_dim)
    query, key, value, other = (torch.randn(shape, generator=numbers) for _ in range(4))
    # A query's own key is as far from it as can be, so that only the other one counts.
    keys = torch.cat((key, -10 * query), 2).to(machine.device)
    values = torch.cat((value, other), 2).to(machine.device)
    query = query.to(machine.device)
    documents = (1 + torch.arange(2 * pairs) % pairs).int()[None].to(machine.device)
    positions = torch.randint(4096, (1, 2 * pairs), generator=numbers).int() + shift
    rules = Rules("intra-document", rotary_pairs=head_dim // 2, theta=500_000.0)
    attention = Attention(
        machine, precision, rules, query, keys, values, documents, positions.to(machine.device)
    )
    log_sum_exp = torch.empty((1, 1, pairs), device=machine.device)
    output = torch.empty_like(query)
    launch(machine, attention.forward(output, log_sum_exp))
    machine.wait()
    return log_sum_exp
