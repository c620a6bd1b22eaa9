"""Lifts keypoints in px to 3D poses in PyTorch, as the package's exported `lift_full` does for complete poses.

python -m benchmarks.pytorch.lift TASK INPUT.npz OUTPUT.npz lifts a file from the shell: from poses_2d [N, J, 2] to
poses_3d [N, J, 3] and elevation [N], degrees. TASK is a file of `benchmarks.speed.step_task`.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import json
import sys

import numpy as np
import torch
from torch import nn

from benchmarks.pytorch.elepose import Objective

_BATCH = 512


class Lift(nn.Module):
    """Normalizer, lifter and back-projection; 0 for a pose with a joint that is not seen."""

    def __init__(self, task: str) -> None:
        super().__init__()
        with np.load(task) as archive:
            settings = json.loads(str(archive["settings"]))
            weights = {name.removeprefix("weights/"): archive[name] for name in archive.files if "/" in name}
        self.objective = Objective(settings)
        self.objective.load(weights)
        self.lifter, self.root = self.objective.lifter, self.objective.root
        self.unit_px = settings["normalizer"]["head_px"] * settings["distance"]

    def forward(self, keypoints, confidence):
        x = (keypoints - keypoints[:, self.root : self.root + 1]) / self.unit_px
        y, e = self.objective.y(x)
        valid = (confidence > 0.0).all(1)
        return torch.where(valid[:, None, None], y, 0.0), torch.where(valid, torch.rad2deg(-e), 0.0)


def main() -> None:
    task, source, target = sys.argv[1:]
    lift = Lift(task)
    with np.load(source) as archive:
        keypoints = torch.from_numpy(archive["poses_2d"])
    with torch.inference_mode():
        lifted = [lift(batch, torch.ones(batch.shape[:2])) for batch in keypoints.split(_BATCH)]
    poses, elevation = (torch.cat(parts).numpy() for parts in zip(*lifted, strict=True))
    np.savez(target, poses_3d=poses, elevation=elevation)


if __name__ == "__main__":
    main()
