"""Checkpoints survive kills, damage and full disks, and refuse a model that they do not fit."""

import dataclasses
import errno
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from tf_elepose.storage import files
from tf_elepose.training.checkpoint import Checkpointer, assign, read_checkpoint


def _arrays(step: int) -> dict[str, np.ndarray]:
    return {"lifter/kernel": np.full((3, 4), step, np.float32), "optimizer/iteration": np.array(step, np.int64)}


@dataclasses.dataclass
class _Variable:
    value: np.ndarray

    @property
    def shape(self):
        return self.value.shape

    def assign(self, value):
        self.value = np.array(value)


def _damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def test_a_checkpoint_round_trips(tmp_path):
    checkpointer = Checkpointer(tmp_path / "new" / "checkpoints")
    meta = {"phase": "lifter", "best": 41.5, "history": [1, None], "name": "knä"}
    path = checkpointer.save(12345, _arrays(12345), meta)
    assert path == tmp_path / "new" / "checkpoints" / "step-000012345.npz"
    latest = checkpointer.latest()
    assert (latest.step, latest.meta, latest.path) == (12345, meta, path)
    assert set(latest.arrays) == {"lifter/kernel", "optimizer/iteration"}
    np.testing.assert_array_equal(latest.arrays["lifter/kernel"], np.full((3, 4), 12345, np.float32), strict=True)
    assert latest.arrays["optimizer/iteration"] == 12345
    assert read_checkpoint(path).step == 12345


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    checkpointer = Checkpointer(tmp_path, keep=2)
    for step in (5, 100, 20, 1000):  # By number, not by name or date.
        checkpointer.save(step, _arrays(step), {})
    assert sorted(os.listdir(tmp_path)) == ["step-000000100.npz", "step-000001000.npz"]
    assert checkpointer.latest().step == 1000


def test_reading_creates_no_folder(tmp_path):
    checkpointer = Checkpointer(tmp_path / "none")
    assert checkpointer.latest() is None and checkpointer.best() is None
    assert not (tmp_path / "none").exists()


def test_best_is_kept_apart(tmp_path):
    checkpointer = Checkpointer(tmp_path, keep=1)
    checkpointer.save_best(10, _arrays(10), {"pa_mpjpe_mm": 50.0})
    for step in (10, 20, 30):
        checkpointer.save(step, _arrays(step), {})
    assert checkpointer.best().step == 10 and checkpointer.best().meta == {"pa_mpjpe_mm": 50.0}
    checkpointer.save_best(30, _arrays(30), {})
    assert checkpointer.best().step == 30 and checkpointer.latest().step == 30
    assert sorted(os.listdir(tmp_path)) == ["best.npz", "step-000000030.npz"]
    _damage(tmp_path / "best.npz")
    with pytest.raises(ValueError, match=r"best\.npz"):
        checkpointer.best()


def test_a_damaged_checkpoint_is_skipped_with_a_warning_that_names_it(tmp_path, caplog):
    checkpointer = Checkpointer(tmp_path)
    for step in (1, 2, 3):
        checkpointer.save(step, _arrays(step), {})
    _damage(tmp_path / "step-000000003.npz")
    (tmp_path / "step-000000002.npz").write_bytes((tmp_path / "step-000000002.npz").read_bytes()[:100])
    with caplog.at_level("WARNING", logger="absl"):
        assert checkpointer.latest().step == 1
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2 and not any("\n" in warning for warning in warnings)
    assert "step-000000003.npz" in warnings[0] and "step-000000002.npz" in warnings[1]
    _damage(tmp_path / "step-000000001.npz")
    with pytest.raises(ValueError, match="none of the 3 checkpoints can be read"):
        checkpointer.latest()


def test_resuming_before_a_damaged_checkpoint_keeps_the_new_checkpoints(tmp_path):
    checkpointer = Checkpointer(tmp_path, keep=1)
    checkpointer.save(300, _arrays(300), {})
    _damage(tmp_path / "step-000000300.npz")
    checkpointer.save(200, _arrays(200), {})
    assert checkpointer.latest().step == 200
    checkpointer.save(400, _arrays(400), {})
    assert os.listdir(tmp_path) == ["step-000000400.npz"]


def test_a_full_disk_leaves_all_earlier_checkpoints(tmp_path, monkeypatch):
    checkpointer = Checkpointer(tmp_path, keep=1)
    checkpointer.save(1, _arrays(1), {})

    def no_space(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, no_space)
            with pytest.raises(OSError, match=r"No space left.*step-000000002\.npz"):
                checkpointer.save(2, _arrays(2), {})
        assert os.listdir(tmp_path) == ["step-000000001.npz"]
    assert checkpointer.latest().step == 1


def test_leftovers_of_a_killed_process_are_removed_at_the_next_start(tmp_path):
    (tmp_path / ".step-000000007.npz.4242-0a1b2c3d.partial").write_bytes(b"half")
    Checkpointer(tmp_path)
    assert os.listdir(tmp_path) == []


def test_killed_savers_can_always_be_resumed(tmp_path):
    script = """
        import sys
        import numpy as np
        from tf_elepose.training.checkpoint import Checkpointer
        checkpointer = Checkpointer(sys.argv[1], keep=2)
        latest = checkpointer.latest()
        step = latest.step if latest else 0
        while True:
            step += 1
            checkpointer.save(step, {"x": np.full(100_000, step)}, {"step": step})
            print(step, flush=True)
    """
    reached = 0
    for number in range(4):
        command = [sys.executable, "-c", textwrap.dedent(script), tmp_path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            first = int(process.stdout.readline())
            time.sleep(0.005 + 0.004 * number)
            process.send_signal(signal.SIGKILL)
            last = max([first, *(int(line) for line in process.stdout.read().split())])
        assert first > reached
        latest = Checkpointer(tmp_path, keep=2).latest()
        assert latest.step in (last, last + 1)  # The next one may have been written but not yet reported.
        assert latest.meta == {"step": latest.step} and np.all(latest.arrays["x"] == latest.step)
        assert len(os.listdir(tmp_path)) <= 3 and all(name.startswith("step-") for name in os.listdir(tmp_path))
        reached = latest.step


@pytest.mark.parametrize(
    ("step", "arrays", "meta", "message"),
    [
        (-1, {}, {}, "step must not be negative; got -1"),
        (1, {"__meta__": np.zeros(1)}, {}, "__meta__ is reserved"),
        (1, {}, {"x": float("nan")}, "meta must be plain JSON"),
        (1, {}, {"x": {1, 2}}, "meta must be plain JSON"),
        (1, {"x": np.array([{}], object)}, {}, "'x' has dtype object"),
    ],
)
def test_values_that_a_checkpoint_cannot_hold_are_refused(tmp_path, step, arrays, meta, message):
    with pytest.raises(ValueError, match=message):
        Checkpointer(tmp_path).save(step, arrays, meta)
    assert os.listdir(tmp_path) == []


def test_other_files_are_not_checkpoints(tmp_path):
    with pytest.raises(ValueError, match="keep must be at least 1"):
        Checkpointer(tmp_path, keep=0)
    files.write_npz(tmp_path / "views.npz", {"poses_2d": np.zeros((1, 17, 2))})
    with pytest.raises(ValueError, match=r"views\.npz: an npz file, but not a checkpoint"):
        read_checkpoint(tmp_path / "views.npz")
    with pytest.raises(ValueError, match=r"gone\.npz"):
        read_checkpoint(tmp_path / "gone.npz")
    assert Checkpointer(tmp_path).latest() is None


def test_assign_gives_every_variable_its_array():
    variables = {"a": _Variable(np.zeros((2, 3))), "b": _Variable(np.zeros(()))}
    assign(variables, {"b": np.array(4.0), "a": np.full((2, 3), 7.0)})
    assert np.all(variables["a"].value == 7.0) and variables["b"].value == 4.0


def test_assign_lists_names_that_do_not_fit_and_changes_nothing():
    variables = {name: _Variable(np.zeros((34, 8))) for name in ("a", "b", "c")}
    with pytest.raises(ValueError) as caught:
        assign(variables, {"a": np.ones((34, 8)), "b": np.ones((32, 8)), "d": np.ones(1)}, where="runs/cmu")
    message = str(caught.value)
    assert message.startswith("runs/cmu does not fit the model") and "\n" not in message
    assert "missing c" in message and "unexpected d" in message
    assert "b (expected [34, 8], got [32, 8])" in message
    assert all(np.all(variable.value == 0) for variable in variables.values())
    many = {f"v{i}": np.zeros(1) for i in range(50)}
    with pytest.raises(ValueError, match=r"unexpected v0, v1, v10, v11 and 46 more"):
        assign({}, many)


def test_assign_does_not_broadcast():
    with pytest.raises(ValueError, match="of another shape"):
        assign({"a": _Variable(np.zeros((2, 1)))}, {"a": np.zeros((1, 2))})
    with pytest.raises(ValueError, match="of another shape"):
        assign({"a": _Variable(np.zeros(2))}, {"a": np.float32(1)})
