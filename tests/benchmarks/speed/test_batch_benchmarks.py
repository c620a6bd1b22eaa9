"""Claims: the benchmarks of scale measure all processes and show their results."""

import sys
import time

import pytest

from benchmarks.robustness import batch_trials
from benchmarks.speed import batch_lift, workers
from benchmarks.speed.processes import Group, measured_group

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {0!r}])"
HOLDS = "x = bytearray(b'1' * 60_000_000); sum(range(3_000_000)); import time; time.sleep(0.5)"


def test_memory_and_processor_time_are_those_of_all_processes():
    taken = measured_group([sys.executable, "-c", CHILD.format(HOLDS)])
    assert taken["memory_mb"] > 60 and taken["cpu_s"] > 0.01 and taken["seconds"] > 0.5
    with pytest.raises(ValueError, match="ended with status 3"):
        measured_group([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_kill_reaches_processes_that_the_command_has_started(tmp_path):
    group = Group([sys.executable, "-c", CHILD.format("import time; time.sleep(60)")], tmp_path / "log")
    while len(group.descendants()) < 2:
        time.sleep(0.02)
    assert group.wait(0.01) is None
    child = group.descendants()[1]
    group.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _alive(child):
        time.sleep(0.02)
    assert not _alive(child)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_tables_have_measured_and_computed_rows():
    run = {"seconds": 60.0, "cpu_s": 110.0, "memory_mb": 500.0}
    start = {"seconds": 10.0, "cpu_s": 10.0, "memory_mb": 400.0}
    results = {
        "batch_lift": {"start": start, "batch": run, "lift": run | {"seconds": 50.0, "cpu_s": 100.0}},
        "poses": 1_000_000, "model": "cmu", "workers": 2, "largest_difference": 0.0,
        "output_bytes_a_pose": 200.0,
    }  # fmt: skip
    lines = batch_lift.markdown(results).splitlines()
    assert lines[2] == "| batch job, 2 worker processes of one thread each | 60.0 | 110.0 | 16,667 | 500 MB |"
    # 10^9 poses of 100 us on 100 cores: 1,000 s, and 5 s of start-up.
    assert "| 1,000,000,000 | 100 | 17 min | 200.0 GB | 15,259 | 25.0 GB |" in lines


def test_trials_and_workers_have_a_row_each():
    kill = {"after_s": 3.0, "parts": 7, "half_written": 1, "same": True}
    results = {
        "batch_trials": [kill, kill | {"same": False}], "reasons": {"cut short": 5}, "poses": 100, "spoilt": 5,
        "lifted": 95, "wrong": 0, "uninterrupted_s": 9.0, "parts": 20,
    }  # fmt: skip
    lines = batch_trials.markdown(results).splitlines()
    assert "| cut short | 5 |" in lines and "| 3.0 s | 7 | 1 | NO |" in lines
    row = {"losses": 1.2e-6, "weights": 3e-6}
    lines = workers.markdown({
        "workers": {"two": row, "lost": row}, "steps": 50, "seconds": {"one": 1.0, "two": 2.0, "lost": 3.0},
        "told_after_s": 0.5, "resumed_at": 10, "parameters": 1000,
    }).splitlines()  # fmt: skip
    assert "| two workers | 1e-06 | 3e-06 | 2.0 |" in lines
