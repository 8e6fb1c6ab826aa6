"""Muon's step, derived from singular values; the other groups are AdamW's."""

import numpy as np
import pytest
import torch

from facekit.training.muon import Muon, orthogonal


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (24, 24)])
def test_a_matrix_becomes_one_whose_singular_values_are_near_one(
    shape: tuple[int, int], dtype: torch.dtype
) -> None:
    matrix = torch.randn(shape, generator=torch.manual_seed(0))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonal(matrix.to(dtype)).float()
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.6
    assert values.max() < 1.3
    # Its directions are those of the matrix.
    assert float(torch.diagonal(left.T @ found @ right.T).mean()) > 0.8
    assert float((found - left @ right).norm() / (left @ right).norm()) < 0.3


def test_zeros_stay_zeros() -> None:
    assert not orthogonal(torch.zeros(3, 5)).any()


def test_a_kernel_moves_by_the_usual_length_of_a_step_of_adam() -> None:
    kernel = torch.nn.Parameter(torch.randn(16, 8, 3, 3).to(memory_format=torch.channels_last))
    before = kernel.detach().clone()
    optimizer = Muon([{"params": [kernel], "weight_decay": 0.0, "orthogonal": True}], 1e-2, betas=(0.9, 0.98))
    kernel.grad = torch.randn_like(kernel)
    optimizer.step()
    moved = kernel.detach() - before
    # 16 orthogonal rows of 72: a root mean square of 0.2 · sqrt(72) · sqrt(16 / (16 · 72)) = 0.2 rates.
    assert float(moved.square().mean().sqrt()) == pytest.approx(0.2 * 1e-2, rel=0.2)
    assert float((moved * kernel.grad).sum()) < 0


def test_how_the_memory_lies_changes_nothing() -> None:
    start, gradient = torch.randn(6, 4, 3, 3), torch.randn(6, 4, 3, 3)
    moved = []
    for format in (torch.channels_last, torch.contiguous_format):
        kernel = torch.nn.Parameter(start.clone(memory_format=format))
        kernel.grad = gradient.clone(memory_format=format)
        Muon([{"params": [kernel], "orthogonal": True}], 1e-2, betas=(0.9, 0.98)).step()
        moved.append(kernel.detach())
    assert torch.equal(*moved)


def test_decay_shrinks_what_has_no_gradient_to_speak_of() -> None:
    kernel = torch.nn.Parameter(torch.ones(4, 6))
    kernel.grad = torch.zeros(4, 6)
    group = {"params": [kernel], "weight_decay": 0.5, "orthogonal": True}
    Muon([group], 0.1, betas=(0.9, 0.98)).step()
    np.testing.assert_allclose(kernel.detach().numpy(), 0.95, rtol=1e-6)


def test_other_groups_are_adamw_and_keep_their_gradients() -> None:
    ours, theirs = (torch.nn.Parameter(torch.ones(5)) for _ in range(2))
    kernel = torch.nn.Parameter(torch.ones(4, 6))
    muon = Muon(
        [{"params": [ours], "weight_decay": 0.1}, {"params": [kernel], "orthogonal": True}],
        1e-2,
        betas=(0.9, 0.98),
    )
    adamw = torch.optim.AdamW([{"params": [theirs], "weight_decay": 0.1}], 1e-2, betas=(0.9, 0.98))
    for _ in range(3):
        ours.grad = theirs.grad = torch.arange(5.0)
        kernel.grad = torch.randn(4, 6)
        muon.step()
        adamw.step()
    assert torch.equal(ours, theirs)
    assert kernel.grad is not None


def test_a_closure_gives_the_gradients_of_the_step() -> None:
    kernel = torch.nn.Parameter(torch.ones(4, 6))
    optimizer = Muon([{"params": [kernel], "weight_decay": 0.0, "orthogonal": True}], 1e-2, betas=(0.9, 0.98))

    def closure() -> float:
        loss = kernel.square().sum()
        loss.backward()
        return float(loss.detach())

    assert optimizer.step(closure) == 24.0
    assert set(optimizer.state[kernel]) == {"step", "momentum"}
    assert (kernel < 1).all()
