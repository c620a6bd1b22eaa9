"""Trainings of seconds that tests share: a config file, and the commands in this process."""

import os
import signal
import sys

import numpy as np
import pytest

from tf_elepose import commands, depth_sign
from tf_elepose.data.synthetic import synthesize
from tf_elepose.skeletons import H36M_17
from tf_elepose.training.loop import Loop

CONFIG = """
from ml_collections import config_dict
from tf_elepose import default_config

def get_config():
    config = default_config.get_config()
    config.data_options = config_dict.create(subjects=4, takes=1, frames=8, cameras=2)
    config.strategy = "one_device"
    config.completer.update(width=8, precision="float32", batch_size=32, epochs=2.0)
    config.prior.update(bases=6, held_out=0.2, blocks=2, width=8, noise=0.1, batch_size=32, epochs=4.0)
    config.lifter.update(width=16, precision="float32", batch_size=32, epochs=10.0)
    config.prior.optimizer.update(learning_rate=1e-3, average_decay=0.9)
    config.lifter.optimizer.update(learning_rate=3e-3, average_decay=0.9)
    config.lifter.term_weights.knees = 10.0
    config.completer.evaluate_every = config.prior.evaluate_every = config.lifter.evaluate_every = 40
    config.loop.update(steps_per_call=20, checkpoint_every=20)
    return config
"""
"""Data and networks as small as they may be. Such a model's depths are the wrong way round as often as not: tests that
need a run's end let it pass, see `let_pass`."""

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


class Command:
    """A command of the package run in this process: command("--flag=value") gives (status, stdout, stderr)."""

    def __init__(self, module, monkeypatch, capsys, **options):
        self._module, self._monkeypatch, self._capsys, self._options = module, monkeypatch, capsys, options

    def __call__(self, *arguments):
        self._monkeypatch.setattr(sys, "argv", [self._module.__name__, *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            commands.run(self._module.main, self._module.define_flags, **self._options)
        captured = self._capsys.readouterr()
        return stopped.value.code or 0, captured.out, captured.err

    def refuses(self, *arguments):
        """The one line with which the command refuses, with status 2 and nothing on standard output."""
        status, out, err = self(*arguments)
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert (status, out, len(errors)) == (2, "", 1) and err.endswith(errors[0] + "\n"), err
        assert "Traceback" not in err and len(errors[0]) < 500, err
        return errors[0].removeprefix("error: ")


def on_views_arguments(workdir):
    """The command line of a run on the views file."""
    return ("--config=files.py", f"--workdir={workdir}", "--config.data=views:views.npz")


def let_pass(monkeypatch, verdict="right"):
    """Makes every model's depths count as `verdict`."""
    monkeypatch.setattr(depth_sign, "sign_verdict", lambda summary: verdict)


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


def contents(folder):
    """{relative path: bytes} of all files in a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def largest_difference(arrays, others):
    """Largest difference of two sets of float arrays, relative to the largest value of each array."""
    assert set(arrays) == set(others)
    return max(
        float(np.max(np.abs(a - others[name])) / max(np.max(np.abs(a)), 1e-30))
        for name, a in arrays.items()
        if np.asarray(a).dtype.kind == "f" and np.size(a)
    )
