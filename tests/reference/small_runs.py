"""Trainings of seconds that tests share: a config file, and what they leave."""

import contextlib
import os
import signal

import tensorflow as tf
from in_process import Command, contents

from tf_elepose.data.synthetic import synthesize
from tf_elepose.evaluation import depth_sign
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training.loop import Loop

__all__ = ["Command", "contents"]

CONFIG = """
from ml_collections import config_dict
from tf_elepose import default_config

def get_config():
    config = default_config.get_config()
    config.data_options = config_dict.create(subjects=4, takes=1, frames=8, cameras=2)
    config.strategy = "one_device"
    config.completer.update(width=8, precision="float32", batch_size=32, epochs=2.0)
    config.prior.update(bases=6, held_out=0.2, blocks=2, width=8, noise=0.1, batch_size=32, epochs=4.0)
    config.lifter.update(width=16, precision="float32", batch_size=32, epochs=10.0, starts=1)
    config.prior.optimizer.update(learning_rate=1e-3, average_decay=0.9)
    config.lifter.optimizer.update(learning_rate=3e-3, average_decay=0.9)
    config.lifter.term_weights.update(knees=10.0, elevation=1.0)
    config.completer.evaluate_every = config.prior.evaluate_every = config.lifter.evaluate_every = 40
    config.loop.update(steps_per_call=20, checkpoint_every=20)
    return config
"""
"""Data and networks as small as they may be. Such a model's depths are the wrong way round as often as not: tests that
need a run's end let it pass, see `let_pass`."""

LARGEST_RATE = 3e-3
"""The largest learning rate in `CONFIG`: that of the lifter."""

CONFIG_ON_FILES = "\n".join(line for line in CONFIG.splitlines() if "data_options" not in line)
"""The same for data from a file, whose readers know no such options."""

SHORT = (
    *(f"--config.{stage}.epochs=1.0" for stage in ("completer", "prior", "lifter")),
    "--config.loop.steps_per_call=2",
)
"""Overrides for runs that only have to start."""


def small_recording(**options):
    """The data of `CONFIG`."""
    return synthesize(H36M_17, **{"subjects": 4, "takes": 1, "frames": 8, "cameras": 2, **options})


def on_views_arguments(workdir):
    """The command line of a run on the views file."""
    return ("--config=files.py", f"--workdir={workdir}", "--config.data=views:views.npz")


def let_pass(monkeypatch, verdict="right"):
    """Makes every model's depths count as `verdict`."""
    monkeypatch.setattr(depth_sign, "sign_verdict", lambda summary: verdict)


@contextlib.contextmanager
def eagerly():
    """Functions of TensorFlow run operation by operation, see outside_graphs.py."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def stop_after(monkeypatch, calls, number=signal.SIGTERM):
    """Sends this process a signal during call `calls` of the training loop (from 1), once."""
    original, seen = Loop.run, []

    def run(self, first_step, steps):
        seen.append(first_step)
        if len(seen) == calls:
            os.kill(os.getpid(), number)
        return original(self, first_step, steps)

    monkeypatch.setattr(Loop, "run", run)
    return seen
