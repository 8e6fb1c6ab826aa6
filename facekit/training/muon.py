"""Muon: an optimizer that turns the step of every matrix into an orthogonal one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ROUNDS = 5


class Muon(torch.optim.AdamW):
    """Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") for the parameter
    groups that say `orthogonal=True`, AdamW for the others.

    A kernel (outputs, inputs, h, w) counts as a matrix of outputs × (inputs · h · w). Its step has the length
    that AdamW's usually has, so that one rate serves all groups (Liu et al. 2025, "Muon is scalable for LLM
    training", equation 4). `dtype` is that of the iteration: the one in which the machine multiplies fast.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        rate: float,
        *,
        betas: tuple[float, float],
        momentum: float = 0.95,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        super().__init__(
            [{"orthogonal": False, "momentum": momentum, **group} for group in groups], rate, betas
        )
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        value: float | None = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        held = []
        for group in self.param_groups:
            for parameter in group["params"] if group["orthogonal"] else ():
                if parameter.grad is None:
                    continue
                held.append((parameter, parameter.grad))
                self._turn(parameter, parameter.grad, group)
                # AdamW passes over parameters without a gradient.
                parameter.grad = None
        super().step()
        for parameter, gradient in held:
            parameter.grad = gradient
        return value

    def _turn(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            # AdamW looks for the number of steps when it is loaded.
            state |= {"step": torch.zeros(()), "momentum": torch.zeros_like(gradient)}
        state["step"] += 1
        momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(momentum, group["momentum"])
        # Channels last, where convolutions are: this is a view then.
        matrix = ahead.movedim(1, -1) if ahead.ndim > 2 else ahead
        step = orthogonal(matrix.reshape(len(matrix), -1).to(self._dtype)).reshape(matrix.shape)
        step = step.movedim(-1, 1) if ahead.ndim > 2 else step
        rows, columns = len(matrix), matrix[0].numel()
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(step.to(parameter.dtype), alpha=-group["lr"] * 0.2 * max(rows, columns) ** 0.5)


def orthogonal(matrix: Tensor, *, rounds: int = ROUNDS) -> Tensor:
    """About U·Vᵀ of matrix = U·S·Vᵀ, for which bf16 is enough: singular values end between 0.7 and 1.2.

    A Newton-Schulz iteration of the fifth degree, as in the paper of Muon.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    wide: Tensor = matrix.T if tall else matrix
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(rounds):
        square = wide @ wide.T
        wide = a * wide + (b * square + c * square @ square) @ wide
    return wide.T if tall else wide
