"""Workers are started together, end together, and a lost one is reported in one line."""

import contextlib
import io
import os
import signal
import sys
import threading
import time

import pytest
from in_process import Command

from tf_elepose import launch
from tf_elepose.cli import commands

# A worker that says who it is, and ends as its number in the arguments says; "wait": not by itself.
WORKER = """
import json, os, sys, time
cluster = json.loads(os.environ["TF_CONFIG"])
index = cluster["task"]["index"]
print(f"{index} of {len(cluster['cluster']['worker'])}", flush=True)
end = sys.argv[1 + index]
if end == "wait":
    time.sleep(60)
if end.startswith("once"):
    marker = end.removeprefix("once:")
    if not os.path.exists(marker):
        open(marker, "w").close()
        sys.exit(75)
    sys.exit(0)
sys.exit(int(end))
"""


def start(*ends):
    addresses = [f"127.0.0.1:{2000 + index}" for index in range(len(ends))]
    return launch.Workers(addresses, range(len(ends)), [sys.executable, "-c", WORKER, *ends])


@contextlib.contextmanager
def captured():
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        yield text


def test_workers_know_each_other_and_lines_name_their_worker():
    with captured() as text:
        assert start("0", "0", "0").run(grace=5.0) == 0
    assert sorted(text.getvalue().splitlines()) == [f"[worker {index}] {index} of 3" for index in range(3)]


def test_an_equal_status_of_all_workers_is_that_of_the_job():
    with captured() as text:
        assert start("2", "2").run(grace=5.0) == 2
    assert "the job has ended" not in text.getvalue()


def test_a_lost_worker_ends_the_others():
    with captured() as text:
        workers = start("wait", "wait")
        threading.Timer(0.5, workers.processes[1].kill).start()
        began = time.monotonic()
        assert workers.run(grace=0.5) == commands.EXIT_LOST_WORKER
    assert time.monotonic() - began < 30
    lines = text.getvalue().splitlines()
    assert "launch: worker 1 was killed by SIGKILL; 1 more to end" in lines
    assert "launch: worker 0: still there after 0.5 s, ended" in lines
    assert lines[-1].startswith(
        "launch: the job has ended: worker 0 was killed by SIGTERM; worker 1 was killed by SIGKILL"
    )
    assert all(process.poll() is not None for process in workers.processes.values())


def test_sigterm_reaches_all_workers():
    with captured():
        workers = start("wait", "wait")
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert workers.run(grace=30.0) == 128 + signal.SIGTERM  # Not a lost worker: nobody starts them again.
    assert {process.returncode for process in workers.processes.values()} == {-signal.SIGTERM}


@pytest.mark.parametrize(("restarts", "expected"), [(0, commands.EXIT_LOST_WORKER), (1, 0)])
def test_all_are_started_again_as_often_as_allowed(tmp_path, restarts, expected):
    class Options:
        grace = 5.0

    Options.restarts = restarts
    command = [sys.executable, "-c", WORKER, f"once:{tmp_path / 'a'}", f"once:{tmp_path / 'b'}"]
    with captured() as text:
        assert launch.supervise(lambda: ["a:1", "b:1"], range(2), command, Options) == expected
    assert ("starting again, 1 of 1" in text.getvalue()) == bool(restarts)


@pytest.fixture
def command(monkeypatch, capsys):
    return Command(launch, monkeypatch, capsys, unknown=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected --workers=N, or --hosts=HOST:PORT,... and --index=I"),
        (("--workers=2", "--hosts=a:1,b:1"), "expected --workers=N, or"),
        (("--hosts=a:1,b:1",), "--index: expected 0 to 1"),
        (("--hosts=a:1,b:1", "--index=2"), "--index: expected 0 to 1"),
        (("--hosts=a,b:1", "--index=0"), "--hosts: expected HOST:PORT,...; got 'a'"),
        (("--workers=2", "config.py"), "unexpected argument 'config.py'"),
    ],
)
def test_a_mistake_is_one_line(command, arguments, message):
    assert message in command.refuses(*arguments)


def test_each_worker_reports_a_mistake_once_and_its_status_is_the_jobs(command, tmp_path):
    status, _, err = command("--workers=1", f"--config={tmp_path}/none.py", f"--workdir={tmp_path}/run")
    assert status == commands.EXIT_ERROR
    assert err.startswith("[worker 0] error: --config=") and err.count("\n") == 1, err


def test_addresses_are_free_and_of_this_machine_only():
    addresses = launch.free_addresses(3)
    assert len(set(addresses)) == 3 and all(address.startswith("127.0.0.1:") for address in addresses)
