"""Runs ElePose's step in PyTorch: python -m benchmarks.pytorch.step_worker TASK OPTIONS

A worker of `benchmarks.turns`. TASK is a file of `benchmarks.speed.step_task`, OPTIONS is JSON: compile, half, fused.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import numpy as np
import torch

from benchmarks import turns
from benchmarks.pytorch.elepose import Objective


class Step:
    """Batches, objective and optimizer of the training step."""

    def __init__(self, path: str, *, compile: bool = False, half: bool = False, fused: bool = False) -> None:
        self.path = path
        with np.load(path) as archive:
            task: dict[str, Any] = json.loads(str(archive["settings"]))
            self.images = torch.from_numpy(archive["images"])
        self.objective = Objective(task, half)
        self.load()
        self.mirror, self.batch_size = torch.tensor(task["mirror"]), task["batch_size"]
        optimizer = task["optimizer"]
        self.clip_norm = optimizer["clip_norm"]
        self.optimizer = torch.optim.Adam(
            self.objective.lifter.parameters(), lr=optimizer["learning_rate"], eps=1e-8,
            weight_decay=optimizer["weight_decay"], fused=fused or None,
        )  # fmt: skip
        self.loss = torch.compile(self.objective.loss) if compile else self.objective.loss
        self.order, self.place = torch.randperm(len(self.images)), 0

    def load(self) -> None:
        """Loads the task's weights."""
        with np.load(self.path) as archive:
            names = [name for name in archive.files if name.startswith("weights/")]
            self.objective.load({name.removeprefix("weights/"): archive[name] for name in names})

    def batch(self):
        """The next rows of an epoch, each mirrored with probability 1/2."""
        if self.place + self.batch_size > len(self.images):
            self.order, self.place = torch.randperm(len(self.images)), 0
        x = self.images[self.order[self.place : self.place + self.batch_size]]
        self.place += self.batch_size
        flipped = torch.rand(len(x)) < 0.5
        mirrored = x[:, self.mirror] * torch.tensor([-1.0, 1.0])
        return torch.where(flipped[:, None, None], mirrored, x)

    def step(self):
        x = self.batch()
        azimuth, noise = math.pi * (2.0 * torch.rand(len(x)) - 1.0), torch.randn(len(x))
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(x, azimuth, noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.objective.lifter.parameters(), self.clip_norm)
        self.optimizer.step()
        return loss.detach()

    def run(self, steps: int) -> dict[str, float]:
        """Runs `steps` steps; returns their seconds and mean loss."""
        began = time.perf_counter()
        total = sum(self.step() for _ in range(steps))
        return {"seconds": time.perf_counter() - began, "loss": float(total) / steps}

    def compare(self, path: str, output: str) -> dict[str, Any]:
        """Writes terms and gradients to `output`, for the batch and random numbers in the file `path`.

        The weights are the task's.
        """
        self.load()
        with np.load(path) as archive:
            given = [torch.from_numpy(archive[name]) for name in ("x", "azimuth", "noise")]
        terms = self.objective.terms(*given)
        self.optimizer.zero_grad()
        self.objective.loss(*given).backward()
        found = {f"terms/{name}": values.detach().numpy() for name, values in terms.items()}
        found |= {f"gradients/{name}": values for name, values in self.objective.gradients().items()}
        np.savez(output, allow_pickle=False, **found)
        return {}


def main() -> None:
    torch.manual_seed(0)
    made = Step(sys.argv[1], **json.loads(sys.argv[2]))
    made.run(1)
    turns.serve(
        {
            "run": made.run,
            "compare": made.compare,
            "memory": lambda: {"memory_mb": turns.peak_memory_mb()},
        },
        {"torch": torch.__version__, "threads": torch.get_num_threads()},
    )


if __name__ == "__main__":
    main()
