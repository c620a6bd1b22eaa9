"""Signals become a flag; the second Ctrl-C raises at once."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from tf_elepose.training.interruption import StopRequest


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_only_sets_the_flag(which):
    with StopRequest() as stop:
        assert not stop.requested and stop.signal_name is None
        os.kill(os.getpid(), which)
        assert stop.requested and stop.signal_name == which.name


def test_the_second_interrupt_raises():
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested


def test_terminations_never_raise_and_the_first_name_stays():
    with StopRequest() as stop:
        for which in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), which)
        assert stop.signal_name == "SIGTERM"


def test_handlers_are_restored_even_after_an_error():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError), StopRequest():
        assert signal.getsignal(signal.SIGTERM) != before[0]
        raise RuntimeError
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_blocks_nest():
    with StopRequest() as outer:
        with StopRequest() as inner:
            os.kill(os.getpid(), signal.SIGTERM)
        assert inner.requested and not outer.requested
        os.kill(os.getpid(), signal.SIGTERM)
        assert outer.requested


def test_another_thread_changes_nothing():
    seen = {}

    def work():
        with StopRequest() as stop:
            seen["handler"] = signal.getsignal(signal.SIGTERM)
            seen["requested"] = stop.requested

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == {"handler": before, "requested": False}


def test_a_process_finishes_its_step_before_it_ends():
    script = """
        import sys, time
        from tf_elepose.training.interruption import StopRequest
        with StopRequest() as stop:
            print("ready", flush=True)
            while not stop.requested:
                time.sleep(0.01)
        print("saved", stop.signal_name)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.communicate(timeout=10)[0] == "saved SIGTERM\n"
    assert process.returncode == 0
