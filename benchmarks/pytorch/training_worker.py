"""Trains ElePose in PyTorch as its authors did: python -m benchmarks.pytorch.training_worker TASK OPTIONS

A worker of `benchmarks.turns`: trains the prior, then the lifter, and lifts test poses in between. TASK is a file
of `benchmarks.speed.time_to_accuracy`; OPTIONS are those of `benchmarks.pytorch.step_worker`.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch

from benchmarks import turns
from benchmarks.pytorch.step_worker import Step

_PRIOR_RATES = {"learning_rate": 1e-4, "epochs": (10, 20, 30), "factor": 0.1, "weight_decay": 1e-5}
_LIFTER_DECAY = 0.95
"""Section 3, "Training Details": the prior's rate is divided by ten at those epochs, the lifter's decays each epoch."""


def main() -> None:
    torch.manual_seed(0)
    made = Step(sys.argv[1], **json.loads(sys.argv[2]))
    with np.load(sys.argv[1]) as archive:
        test = torch.from_numpy(archive["test_images"])
    epoch_steps = len(made.images) // made.batch_size
    prior = made.objective.prior
    weights = [*prior.parameters()]
    prior_optimizer = torch.optim.Adam(
        weights, lr=_PRIOR_RATES["learning_rate"], weight_decay=_PRIOR_RATES["weight_decay"]
    )
    prior_schedule = torch.optim.lr_scheduler.MultiStepLR(
        prior_optimizer, _PRIOR_RATES["epochs"], _PRIOR_RATES["factor"]
    )
    lifter_schedule = torch.optim.lr_scheduler.ExponentialLR(made.optimizer, _LIFTER_DECAY)

    def train_prior(epochs: int) -> dict[str, float]:
        began = time.perf_counter()
        prior.requires_grad_(True)
        total = 0.0
        for _ in range(epochs):
            for _ in range(epoch_steps):
                prior_optimizer.zero_grad(set_to_none=True)
                nll = -prior(made.batch()).mean()
                nll.backward()
                torch.nn.utils.clip_grad_norm_(weights, made.clip_norm)
                prior_optimizer.step()
            total = float(nll)
            prior_schedule.step()
        prior.requires_grad_(False)
        return {"seconds": time.perf_counter() - began, "loss": total}

    def train_lifter(epochs: float) -> dict[str, float]:
        said = made.run(max(1, round(epochs * epoch_steps)))
        if epochs >= 1:
            lifter_schedule.step()
        return said

    def lift(output: str) -> dict[str, float]:
        with torch.inference_mode():
            np.save(output, made.objective.y(test)[0].numpy())
        return {"memory_mb": turns.peak_memory_mb()}

    turns.serve({"prior": train_prior, "lifter": train_lifter, "lift": lift}, {"torch": torch.__version__})


if __name__ == "__main__":
    main()
