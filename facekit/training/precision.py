"""Which numbers this machine computes fast with.

Processors with bf16 units are up to twice as fast in it as in float32, or slower (some multiply bf16 at half
the rate), and without them bf16 is emulated. That is found out by trying.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from facekit.training.team import Team

ROUNDS = 3
FACES, CHANNELS, SIDE = 16, 96, 28


def faster(team: Team) -> str:
    """`bf16` or `float32`, for the processes of a run alike: bf16 where it is faster on every one."""
    if team.device.type == "cuda":
        slow = not torch.cuda.is_bf16_supported()
    else:
        slow = seconds(torch.bfloat16) > seconds(torch.float32)
    return "float32" if team.any(slow) else "bf16"


def seconds(dtype: torch.dtype) -> float:
    """The shortest time that a convolution of the default network, there and back, takes on this CPU."""
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        values = torch.randn(shape, generator=generator).to(dtype)
        return values.contiguous(memory_format=torch.channels_last).requires_grad_()

    maps, kernel = drawn(FACES, CHANNELS, SIDE, SIDE), drawn(CHANNELS, CHANNELS, 3, 3)

    def step() -> None:
        product = F.conv2d(maps, kernel, padding=1)
        torch.autograd.grad(product, (maps, kernel), product.detach())

    step()
    return min(timed(step) for _ in range(ROUNDS))


def timed(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
