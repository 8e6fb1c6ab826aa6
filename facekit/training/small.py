"""Training of a small network in one go, without checkpoints: minutes on two cores."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.optim import swa_utils

Report = Callable[[int, float], None]
Network = TypeVar("Network", bound=nn.Module)

_LONGEST_STEP = 5.0


@dataclass(frozen=True)
class Recipe:
    """`rate` is the highest learning rate of one cycle, `averaging` how much of the mean of all weights is
    kept at each step."""

    steps: int = 3000
    batch: int = 96
    rate: float = 3e-3
    decay: float = 1e-2
    averaging: float = 0.995
    seed: int = 1


def trained(
    network: Network,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss_of: Callable[[Tensor, Tensor], Tensor],
    recipe: Recipe,
    report: Report = lambda step, loss: None,
) -> Network:
    """The network with the mean of its weights on the way, ready to run.

    `batches` give pictures (n, 3, h, w) and what is wanted of them, `loss_of` takes what the network says and
    what is wanted; `report` hears each step and its loss.
    """
    network = network.to(memory_format=torch.channels_last)
    averaged = swa_utils.AveragedModel(
        network,
        multi_avg_fn=swa_utils.get_ema_multi_avg_fn(recipe.averaging),  # type: ignore[no-untyped-call]
        use_buffers=True,
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=recipe.steps + 1, pct_start=0.1
    )
    for step, (pictures, wanted) in enumerate(batches, 1):
        with torch.autocast("cpu", torch.bfloat16):
            predicted = network(pictures.contiguous(memory_format=torch.channels_last))
        loss = loss_of(predicted.float(), wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), _LONGEST_STEP)
        optimizer.step()
        schedule.step()
        averaged.update_parameters(network)
        report(step, float(loss.detach()))
    network.load_state_dict(averaged.module.state_dict())
    return network.eval()
