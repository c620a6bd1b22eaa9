"""Two workers on one machine give the weights of one process, stop together, and resume."""

import contextlib
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import small_models
import small_runs

import tf_elepose
from tf_elepose import launch, train
from tf_elepose.cli import commands
from tf_elepose.storage import files

PROGRAM = pathlib.Path(__file__).with_name("worker_run.py")

# Steps of the completer, in which workers are stopped and killed, a dozen of the prior, and STEPS of the lifter; two
# workers share each batch.
STEPS = 50
OVERRIDES = (
    "--config.completer.epochs=10.0", "--config.prior.epochs=2.0", "--config.prior.blocks=1",
    "--config.lifter.epochs=6.25", "--config.prior.evaluate_every=12", "--config.lifter.evaluate_every=12",
    "--config.loop.steps_per_call=2", "--config.loop.checkpoint_every=10",
)  # fmt: skip


PATIENCE = 600.0  # Seconds: on a machine with other work TensorFlow may take minutes to start.


def _arguments(workdir, strategy):
    return ("--config=small.py", f"--workdir={workdir}", f"--config.strategy={strategy}", *OVERRIDES)


ENVIRONMENT = {
    "PYTHONPATH": str(pathlib.Path(tf_elepose.__file__).parents[1]), "CUDA_VISIBLE_DEVICES": "-1",
    "OPENBLAS_NUM_THREADS": "1",  # NumPy's threads would not be in the copies of a process.
}  # fmt: skip


class Workers:
    """Makes workers in a folder, two at a time, which share the workdir `two`: see worker_run.py."""

    def __init__(self, folder):
        self._folder = folder
        self._maker = subprocess.Popen(
            [sys.executable, PROGRAM], cwd=folder, env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def _ask(self, **task):
        self._maker.stdin.write(json.dumps(task) + "\n")
        self._maker.stdin.flush()
        return int(self._maker.stdout.readline())

    def start(self):
        """Process ids of two workers."""
        with contextlib.ExitStack() as held:
            sockets = [held.enter_context(socket.socket()) for _ in range(2)]
            for one in sockets:
                one.bind(("127.0.0.1", 0))
            cluster = {"worker": [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]}
        return [
            self._ask(
                arguments=_arguments("two", "multi_worker"), output=f"worker{task}",
                environment={"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": task}})},
            )
            for task in range(2)
        ]  # fmt: skip

    def end(self, workers):
        """(status, stdout, stderr) of each worker."""
        statuses = [self._ask(wait=worker) for worker in workers]
        texts = [[(self._folder / f"worker{task}.{kind}").read_text() for kind in ("out", "err")] for task in (0, 1)]
        return [(status, *text) for status, text in zip(statuses, texts, strict=True)]

    def close(self):
        """Ends all processes that are left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._maker.pid, signal.SIGKILL)
        self._maker.communicate()


def _lose_one(folder):
    """Status and messages of the launcher when one of its two workers is killed after the next checkpoint."""
    output = io.StringIO()
    before = set(folder.glob("two/*/step-*.npz"))
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
        patch.chdir(folder)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        command = [sys.executable, str(PROGRAM), *_arguments("two", "multi_worker")]
        workers = launch.Workers(launch.free_addresses(2), range(2), command)

        def kill():
            while not set(folder.glob("two/*/step-*.npz")) - before and workers.processes[1].poll() is None:
                time.sleep(0.02)
            workers.processes[1].kill()

        killer = threading.Thread(target=kill)
        killer.start()
        status = workers.run(grace=PATIENCE)
        killer.join()
    return status, output.getvalue()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """(folder, outputs, saved): the outputs of two workers when one was stopped, when one was killed, when both went
    on, and when both were started once more; the files saved after the stop. The folder holds the workers' workdir
    `two` and the workdir `one` of one process.
    """
    folder = tmp_path_factory.mktemp("workers")
    (folder / "small.py").write_text(small_runs.CONFIG)
    outputs = {}
    with contextlib.closing(Workers(folder)) as workers:
        pair = workers.start()
        deadline = time.monotonic() + PATIENCE
        while not list(folder.glob("two/completer/step-*.npz")) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(pair[1], signal.SIGTERM)  # Worker 1 does not write files.
        outputs["stopped"] = workers.end(pair)
        saved = small_runs.contents(folder / "two")
        outputs["lost"] = _lose_one(folder)
        outputs["went on"] = workers.end(workers.start())
        trained = small_runs.contents(folder / "two")
        outputs["again"] = workers.end(workers.start())
        assert small_runs.contents(folder / "two") == trained
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        small_runs.let_pass(patch)
        small_models.solve_quickly(patch)
        patch.setattr(sys, "argv", ["train", *_arguments("one", "one_device")])
        with pytest.raises(SystemExit) as stopped:
            commands.run(train.main, train.define_flags)
        assert not stopped.value.code
    return folder, outputs, saved


def test_a_signal_to_one_worker_stops_both_with_everything_saved(runs):
    _, outputs, saved = runs
    (chief, _, of_chief), (other, _, of_other) = outputs["stopped"]
    assert (chief, other) == (143, 143), of_chief + of_other
    assert of_chief.splitlines()[-1].startswith("stopped by another worker; everything is saved. To go on: ")
    assert of_other.splitlines()[-1].startswith("stopped by SIGTERM; everything is saved. To go on: ")
    assert [name for name in saved if name.startswith("completer/step-")] and "model.npz" not in saved
    assert not [name for name in saved if name.endswith(".partial")]


def test_a_killed_worker_ends_the_job_with_one_line(runs):
    status, output = runs[1]["lost"]
    assert status == commands.EXIT_LOST_WORKER, output
    lines = output.splitlines()
    assert [line for line in lines if line.startswith("[worker 0] error: another worker was lost (")], output
    assert "Traceback" not in output
    assert lines[-1] == (
        "launch: the job has ended: worker 0 ended with status 75; worker 1 was killed by SIGKILL. The same command "
        "goes on from the newest checkpoint"
    )


def test_the_same_commands_resume_and_finish(runs):
    folder, outputs, _ = runs
    for status, out, err in outputs["went on"]:
        assert status == 0 and "PA-MPJPE" in out, err
        assert "resumed at step" in err  # At the last checkpoint before the kill.
        assert "all_reduce" not in err  # TensorFlow's log of every traced reduction is off.
    assert json.loads((folder / "two" / "metrics.json").read_text())["depth_sign"] == "right"
    assert (folder / "two" / "model.npz").exists()


def test_a_finished_training_is_not_repeated(runs):
    for status, out, err in runs[1]["again"]:
        assert (status, out) == (0, "") and err.endswith("two: already trained; nothing to do\n"), err


def test_two_workers_train_what_one_process_trains(runs):
    """Every step has equal examples, random numbers and statistics, so the weights are equal except for rounding."""
    folder, _, _ = runs
    compared = 0
    steps = [{path.name for path in (folder / which / "lifter").glob("step-*.npz")} for which in ("one", "two")]
    assert steps[0] == steps[1] and len(steps[0]) >= 2 and f"step-{STEPS:09d}.npz" in steps[0]
    for name in ("model.npz", "prior/best.npz", *(f"lifter/{step}" for step in steps[0])):
        one, two = (files.read_npz(folder / which / name) for which in ("one", "two"))
        assert one.keys() == two.keys()
        for key, array in one.items():
            if array.dtype.kind == "f" and not key.startswith("optimizer/"):
                np.testing.assert_allclose(two[key], array, rtol=1e-5, atol=1e-5, err_msg=f"{name} {key}")
                compared += 1
    assert compared > 50
    start, end = (files.read_npz(folder / "one" / "lifter" / step) for step in (min(steps[0]), max(steps[0])))
    moved = max(np.abs(end[key] - start[key]).max() for key in end if key.startswith("lifter/"))
    assert moved > 1e-3  # The weights have changed enough to compare.
