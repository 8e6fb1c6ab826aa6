"""The processes of one run: alone, or several started by `torchrun`, on one machine or many.

Each process embeds its share of a batch; the vectors are gathered, and every process takes the loss of the
whole batch. So the loss, and its gradient, are those of one process with the same batch, also for losses
that compare the faces of a batch. (Batch norm sees the share of a process on a CPU, all of it on GPUs.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from facekit.errors import UsageError
from facekit.training.batches import Batch

PATIENCE = timedelta(days=7)
"""How long a process waits for another: the first may have a million photos to read meanwhile. torchrun
itself ends the others where one has died."""


@dataclass(frozen=True)
class Team:
    """This process is number `rank` of `world`."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def leads(self) -> bool:
        """Whether this process validates, writes and reports."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network as it is trained: gradients become means over the processes."""
        if self.world == 1:
            return network
        if self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
            return nn.parallel.DistributedDataParallel(network, device_ids=[self.device.index])
        return nn.parallel.DistributedDataParallel(network)

    def gather(self, vectors: Tensor, batch: Batch) -> tuple[Tensor, Batch]:
        """The vectors, labels and teacher's vectors of the whole batch."""
        if self.world == 1:
            return vectors, batch
        if vectors.requires_grad:
            # The mean over processes that follows would divide this process's share by their number.
            vectors.register_hook(lambda gradient: gradient * self.world)  # type: ignore[no-untyped-call]
        teacher = None if batch.teacher is None else self._all(batch.teacher)
        return self._all(vectors), replace(batch, labels=self._all(batch.labels), teacher=teacher)

    def _all(self, mine: Tensor) -> Tensor:
        parts = [torch.empty_like(mine) for _ in range(self.world)]
        dist.all_gather(parts, mine.detach().contiguous())
        parts[self.rank] = mine
        return torch.cat(parts)

    def any(self, flag: bool) -> bool:
        """Whether any process says so; all get the same answer."""
        if self.world == 1:
            return flag
        said = torch.tensor(float(flag), device=self.device)
        dist.all_reduce(said, dist.ReduceOp.MAX)
        return bool(said.item())


ALONE = Team()


@contextmanager
def joined(device: str = "auto") -> Iterator[Team]:
    """The team that `torchrun` started this process for, or a team of one.

    `device` is `cpu`, `cuda`, or `auto`: a GPU if there is one. UsageError for `cuda` without one.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no GPU here; leave it out to train on the CPU")
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    # Batches are all of one size: what is fastest for the first is for every one.
    torch.backends.cudnn.benchmark = kind == "cuda"
    if not dist.is_torchelastic_launched():
        yield Team(device=torch.device(kind, 0) if kind == "cuda" else torch.device(kind))
        return
    dist.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=PATIENCE)
    try:
        local = dist.get_node_local_rank()
        if kind == "cuda":
            torch.cuda.set_device(local)
        place = torch.device("cuda", local) if kind == "cuda" else torch.device("cpu")
        yield Team(dist.get_rank(), dist.get_world_size(), place)
    finally:
        dist.destroy_process_group()
