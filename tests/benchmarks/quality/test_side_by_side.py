"""Claims: commands run side by side on their own cores and end with their parent; results come as commands end."""

import contextlib
import inspect
import os
import signal
import sys
import threading
import time

import pytest

from benchmarks.quality import side_by_side

needs_cores = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two cores"
)

CORES = "import os; print(*os.sched_getaffinity(0))"

SAVES = """
import pathlib, signal, sys, time
def save(number, frame):
    pathlib.Path(sys.argv[1]).write_text("saved")
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
pathlib.Path(sys.argv[1]).write_text("started")
time.sleep(60)
"""
"""A command that writes its state to a file, and saves on SIGTERM."""


def job(code, *arguments, log=None):
    return side_by_side.Job([sys.executable, "-c", code, *map(str, arguments)], "begins", lambda *ended: ended, log)


def wait_for(path, text="started"):
    until = time.monotonic() + 30
    while not (path.exists() and path.read_text() == text):
        assert time.monotonic() < until, f"{path}: not {text}"
        time.sleep(0.02)


WAIT_FOR = "import pathlib, sys, time\n" + inspect.getsource(wait_for)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes this a machine of two sockets of two physical cores of two threads, numbered as Linux often does."""
    for core in range(8):
        folder = tmp_path / f"cpu{core}" / "topology"
        folder.mkdir(parents=True)
        (folder / "physical_package_id").write_text(f"{core % 4 // 2}\n")
        (folder / "core_id").write_text(f"{core % 2}\n")
    monkeypatch.setattr(side_by_side, "_CORES", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", None, raising=False)


@pytest.mark.parametrize(("count", "whole"), [(2, True), (3, True), (4, True), (5, False), (8, False)])
def test_physical_cores_are_kept_whole_where_there_are_enough(machine, count, whole):
    """Threads n and n + 4 are one physical core."""
    parts = side_by_side.shares(count)
    assert len(parts) == count and len({len(part) for part in parts}) == 1
    assert len(set().union(*parts)) == sum(map(len, parts))
    assert all((core + 4) % 8 in part for part in parts for core in part) == whole


def test_cores_are_divided_evenly_and_threads_of_one_core_stay_together(machine):
    assert side_by_side.shares(1) == [None]
    assert side_by_side.shares(2) == [{0, 4, 1, 5}, {2, 6, 3, 7}]
    assert side_by_side.shares(4) == [{0, 4}, {1, 5}, {2, 6}, {3, 7}]
    assert side_by_side.shares(3) == [{0, 4}, {1, 5}, {2, 6}]  # Times of unequal parts could not be compared.
    with pytest.raises(ValueError, match="--jobs=9: more than the 8 cores"):
        side_by_side.shares(9)


def test_cores_are_divided_without_a_topology_but_not_without_affinity(machine, tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "_CORES", tmp_path / "none")
    assert side_by_side.shares(2) == [{0, 1, 2, 3}, {4, 5, 6, 7}]
    monkeypatch.delattr(os, "sched_setaffinity")
    assert side_by_side.shares(1) == [None]
    with pytest.raises(ValueError, match="--jobs=2: this system cannot keep a process on cores"):
        side_by_side.shares(2)


@needs_cores
def test_each_command_sees_its_own_share_only(tmp_path):
    before = os.sched_getaffinity(0)
    first, second = side_by_side.shares(2)
    jobs = [job(CORES, log=tmp_path / f"{number}.log") for number in range(2)]
    said = [said for _, said, _ in side_by_side.results(jobs, [first, second])]
    assert {frozenset(map(int, cores.split())) for cores in said} == {first, second}
    assert os.sched_getaffinity(0) == before


def test_as_many_run_at_a_time_as_there_are_parts_and_the_next_starts_before_results_are_used(tmp_path, capsys):
    """The first waits for the second; the third starts when one of them has ended, before its result is used."""
    waits = f"{WAIT_FOR}\nwait_for(pathlib.Path(sys.argv[1]))"
    writes = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('started')"
    jobs = [job(waits, tmp_path / "b"), job(writes, tmp_path / "b"), job(writes, tmp_path / "c")]
    with contextlib.closing(side_by_side.results(jobs, [None, None])) as ended:
        assert next(ended)[0] == 0
        wait_for(tmp_path / "c")
        assert len(list(ended)) == 2
    assert capsys.readouterr().out == "begins\n" * 3


def test_a_log_is_appended_to_and_only_new_lines_are_the_output(tmp_path):
    log = tmp_path / "new" / "a.log"
    code = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    for _ in range(2):
        [(status, said, _)] = side_by_side.results([job(code, log=log)], [None])
        assert (status, said) == (3, "one\ntwo\n")
    assert log.read_text() == "one\ntwo\n" * 2


def test_an_error_ends_the_others_once_they_have_saved_and_starts_no_more(tmp_path, capfd):
    def refuse(status, said, seconds):
        raise ValueError(said.strip())

    code = f"{WAIT_FOR}\nwait_for(pathlib.Path(sys.argv[1]))\nsys.exit('wrong')"
    fails = side_by_side.Job([sys.executable, "-c", code, str(tmp_path / "a")], "fails", refuse)
    jobs = [job(SAVES, tmp_path / "a"), fails, job(SAVES, tmp_path / "b")]
    with pytest.raises(ValueError, match="wrong"):
        list(side_by_side.results(jobs, [None, None]))
    assert (tmp_path / "a").read_text() == "saved" and not (tmp_path / "b").exists()
    assert "waiting until the running commands (1) have saved and ended" in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("parts", [1, 2])
def test_a_signal_ends_running_commands_after_they_have_saved(tmp_path, number, parts):
    paths = [tmp_path / name for name in "abc"]

    def send():
        for path in paths[:parts]:
            wait_for(path)
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    threading.Thread(target=send).start()
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit) as stopped:
        list(side_by_side.results([job(SAVES, path) for path in paths], [None] * parts))
    if number == signal.SIGTERM:
        assert stopped.value.code == 143
    assert [path.exists() and path.read_text() for path in paths] == ["saved"] * parts + [False] * (3 - parts)
    assert signal.getsignal(number) is before


def test_closing_the_results_early_ends_all_commands(tmp_path):
    jobs = [job("pass"), job(SAVES, tmp_path / "a")]
    with contextlib.closing(side_by_side.results(jobs, [None, None])) as ended:
        next(ended)
        wait_for(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "saved"


def test_a_command_that_ignores_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "_STOPPED", 0.2)
    deaf = SAVES.replace("signal.SIGTERM, save", "signal.SIGTERM, signal.SIG_IGN")
    began = time.monotonic()
    with contextlib.closing(side_by_side.results([job("pass"), job(deaf, tmp_path / "a")], [None, None])) as ended:
        next(ended)
        wait_for(tmp_path / "a")
    assert time.monotonic() - began < 30 and (tmp_path / "a").read_text() == "started"
