"""Runs the lifter in PyTorch: python -m benchmarks.pytorch.inference_worker KIND TASK INPUTS THREADS

A worker of `benchmarks.speed.latency`. KIND: eager, trace (torch.jit.trace, frozen) or compile. TASK: a file of
`step_task`.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import sys

import torch

from benchmarks.pytorch.lift import Lift
from benchmarks.speed import latency


def main() -> None:
    kind, task, inputs, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))

    def load() -> latency.Run:
        made = Lift(task).eval()
        joints = made.objective.task["joints"]
        lift = made
        if kind == "trace":
            lift = torch.jit.freeze(torch.jit.trace(made, (torch.ones(2, joints, 2), torch.ones(2, joints))))
        elif kind == "compile":
            lift = torch.compile(made, dynamic=False)

        def run(given):
            with torch.inference_mode():
                poses, elevation = lift(*(torch.from_numpy(given[name]) for name in ("keypoints", "confidence")))
            return {"poses_3d": poses.numpy(), "elevation_deg": elevation.numpy()}

        return run

    latency.serve(load, inputs)


if __name__ == "__main__":
    main()
