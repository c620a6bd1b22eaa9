"""This package's training step as its loop runs it: python -m benchmarks.speed.step_worker TASK OPTIONS

A worker of `benchmarks.turns`. TASK is a file of `benchmarks.speed.step_task`, OPTIONS is JSON: jit_compile, precision,
replicas. Workers in the environment variable TF_CONFIG train together; all need the same requests.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from benchmarks import turns
from benchmarks.speed.step_task import objective_of, read_task


def main() -> None:
    from tf_elepose.cli import commands

    with commands.without_startup_messages():
        import tensorflow as tf

        tf.config.list_physical_devices()
    options = json.loads(sys.argv[2])
    replicas = options.pop("replicas", 1)
    if replicas > 1:
        logical = [tf.config.LogicalDeviceConfiguration()] * replicas
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], logical)
    loop = make_loop(sys.argv[1], **options)
    loop.run(0, 1)
    done = 1

    def run(steps: int) -> dict[str, float]:
        nonlocal done
        began = time.perf_counter()
        values = loop.run(done, steps)
        done += steps
        return {"seconds": time.perf_counter() - began, "loss": values["loss"]}

    turns.serve({"run": run, "memory": lambda: {"memory_mb": turns.peak_memory_mb()}}, {"tensorflow": tf.__version__})


def make_loop(path: str, *, jit_compile: bool = False, precision: str = "float32", poses: int = 0):
    """The training loop of a task; if `poses` is not 0, with this number of poses, which repeats the task's."""
    from tf_elepose.data.pipeline import Batches
    from tf_elepose.skeleton.skeletons import H36M_17
    from tf_elepose.training.adam import Adam
    from tf_elepose.training.loop import Loop
    from tf_elepose.training.strategy import make_strategy

    settings, images, weights = read_task(path)
    options = settings["optimizer"]
    if poses:
        images = images[np.arange(poses) % len(images)]
    strategy = make_strategy()
    with strategy.scope():
        objective = objective_of(settings, weights, precision)
        optimizer = Adam(options["learning_rate"], epsilon=1e-8, name="adam")
        optimizer.build(objective.model.lifter.trainable_variables)
    batches = Batches({"image": images}, H36M_17, batch_size=settings["batch_size"], seed=0, flip=True)
    return Loop(
        objective, {"lifter": optimizer}, batches, strategy, seed=0, clip_norm=options["clip_norm"],
        weight_decay=options["weight_decay"], average_decay=options["average_decay"], jit_compile=jit_compile,
    )  # fmt: skip


if __name__ == "__main__":
    main()
