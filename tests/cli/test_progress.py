"""The progress display, with a clock and a terminal that the test controls."""

import io
import os
import re

import pytest

from tf_elepose.cli.progress import Progress


class _Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class _Terminal(io.StringIO):
    def isatty(self):
        return True

    def screen(self) -> list[str]:
        """The visible lines: a carriage return moves back to the start of the line, and later text overwrites it."""
        lines = []
        for text in self.getvalue().split("\n"):
            line: list[str] = []
            for part in text.split("\r"):
                line[: len(part)] = part
            lines.append("".join(line).rstrip())
        return lines


def _progress(stream, clock, columns=120, **kwargs):
    return Progress(
        stream=stream, clock=clock, width=lambda: columns, **{"total_steps": 1000, "label": "prior"} | kwargs
    )


def test_a_terminal_gets_one_line_that_changes():
    terminal, clock = _Terminal(), _Clock()
    with _progress(terminal, clock, examples_per_step=256) as progress:
        for step in range(1, 251):
            clock.now += 0.5
            progress.update(step, {"loss": 12.34567, "nll": -0.5})
        assert terminal.screen() == [
            "prior  25% [#######-----------------------]  250/1000  6:15 left  512 samples/s  loss 12.35  nll -0.5"
        ]  # 750 steps of half a second are left; two steps of 256 a second.
    assert terminal.screen()[1:] == [""]


def test_the_end_is_always_shown_and_only_the_end_is_100_percent():
    terminal, clock = _Terminal(), _Clock()
    progress = _progress(terminal, clock)
    clock.now += 10
    progress.update(999)
    assert " 99% " in terminal.screen()[0]
    clock.now += 0.001  # Too soon to draw again, except at the end.
    progress.update(1000, {"loss": 1.0})
    assert terminal.screen()[0].startswith("prior 100% [" + "#" * 30 + "]") and "loss 1" in terminal.screen()[0]
    progress.close()
    progress.close()
    assert terminal.getvalue().count("\n") == 1


def test_drawing_is_rare_and_converts_values_only_then():
    class Loss:
        conversions = 0

        def __float__(self):
            Loss.conversions += 1
            return 1.0

    terminal, clock = _Terminal(), _Clock()
    progress = _progress(terminal, clock, total_steps=100_000)
    for step in range(1, 10_001):
        clock.now += 0.001  # Ten seconds in all: 100 drawings of a tenth of a second.
        progress.update(step, {"loss": Loss()})
    assert 90 <= Loss.conversions <= 102


@pytest.mark.parametrize("columns", [1, 2, 5, 10, 20, 30, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(columns):
    terminal, clock = _Terminal(), _Clock()
    progress = _progress(terminal, clock, columns, examples_per_step=256)
    for step in range(1, 100):
        clock.now += 0.5
        progress.update(step, {"loss": 1.0, "a_long_name": 123456.0})
    assert all(len(part) < max(columns, 1) for part in re.split(r"[\r\n]", terminal.getvalue()))
    if columns >= 20:
        assert terminal.screen()[0].startswith("prior  10%" if columns >= 200 else "prior ")


def test_a_shorter_line_erases_a_longer_one():
    terminal, clock = _Terminal(), _Clock()
    progress = _progress(terminal, clock)
    for step, values in ((1, {"loss": 1.0, "other": 123456.0}), (2, {"loss": 2.0})):
        clock.now += 1
        progress.update(step, values)
    assert terminal.screen()[0].endswith("loss 2")


def test_a_note_is_shown_above_the_bar():
    terminal, clock = _Terminal(), _Clock()
    progress = _progress(terminal, clock)
    progress.note("before")
    clock.now += 1
    progress.update(10)
    progress.note("checkpoint saved")
    screen = terminal.screen()
    assert screen[:2] == ["before", "checkpoint saved"] and screen[2].startswith("prior   1%") and len(screen) == 3


def test_a_log_gets_plain_lines_at_most_every_ten_seconds():
    stream, clock = io.StringIO(), _Clock()
    with _progress(stream, clock, total_steps=100, examples_per_step=10) as progress:
        for step in range(1, 101):
            clock.now += 1
            progress.update(step, {"loss": 0.5})
            if step == 15:
                progress.note("checkpoint saved")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "prior: 10 %, step 10/100, 10 samples/s, 1:30 left, loss 0.5"
    assert lines[1] == "checkpoint saved" and lines[2].startswith("prior: 20 %")
    assert lines[-1] == "prior: 100 %, step 100/100, 10 samples/s, 0:00 left, loss 0.5"
    assert len(lines) == 11
    assert "\r" not in stream.getvalue()


def test_a_long_run_writes_few_lines_to_a_log():
    stream, clock = io.StringIO(), _Clock()
    with _progress(stream, clock, total_steps=100_000) as progress:
        for step in range(1, 1201):  # Ten minutes in which a little more than one percent is done.
            clock.now += 0.5
            progress.update(step)
    assert 10 <= len(stream.getvalue().splitlines()) <= 12


def test_a_short_run_shows_its_end_once():
    stream, clock = io.StringIO(), _Clock()
    with _progress(stream, clock, total_steps=3) as progress:
        for step in (1, 2, 3):
            clock.now += 0.1
            progress.update(step)
    assert stream.getvalue() == "prior: 100 %, step 3/3, 10.0 steps/s, 0:00 left\n"


def test_steps_of_an_earlier_run_do_not_count_for_the_rate():
    stream, clock = io.StringIO(), _Clock()
    progress = _progress(stream, clock, total_steps=1000, initial_step=900)
    clock.now += 10
    progress.update(910)
    assert stream.getvalue() == "prior: 91 %, step 910/1000, 1.0 steps/s, 1:30 left\n"


def test_the_rate_ignores_the_compilation_in_the_first_step():
    stream, clock = io.StringIO(), _Clock()
    progress = _progress(stream, clock, total_steps=10_000)
    clock.now += 100
    progress.update(1)
    for step in range(2, 401):
        clock.now += 0.1
        progress.update(step)
    assert "10.0 steps/s" in stream.getvalue().splitlines()[-1]


def test_hours_are_written_as_hours():
    stream, clock = io.StringIO(), _Clock()
    progress = _progress(stream, clock, total_steps=5000)
    clock.now += 50
    progress.update(50)
    assert "1:22:30 left" in stream.getvalue()  # 4950 steps of a second.


def test_a_broken_stream_ends_the_display_not_the_loop():
    class Broken(_Terminal):
        def write(self, text):
            raise BrokenPipeError

    clock = _Clock()
    closed = io.StringIO()
    closed.close()
    for stream in (Broken(), closed):
        with _progress(stream, clock) as progress:
            for step in (1, 2):
                clock.now += 100
                progress.update(step)
                progress.note("x")


def test_the_width_is_that_of_the_terminal(monkeypatch):
    class Real(_Terminal):
        def fileno(self):
            return 7

    monkeypatch.setattr(
        os, "get_terminal_size", lambda descriptor: os.terminal_size((20, 5)) if descriptor == 7 else 1 / 0
    )
    terminal, clock = Real(), _Clock()
    progress = Progress(10, "a rather long label", stream=terminal, clock=clock)
    progress.update(1)
    assert len(terminal.screen()[0]) <= 19


def test_a_total_below_1_is_refused():
    with pytest.raises(ValueError, match="'prior': total_steps must be at least 1; got 0"):
        Progress(0, "prior")


def test_counts_are_shown_until_the_total_is_known():
    terminal, clock = _Terminal(), _Clock()
    with _progress(terminal, clock, total_steps=None, label="reading", unit="row") as progress:
        clock.now += 2
        progress.update(500)
        assert terminal.screen() == ["reading  row 500  250.0 rows/s"]
        clock.now += 2
        progress.update(1000, total_steps=4000)
        expected = "reading  25% [#######-----------------------]  1000/4000  0:12 left  250.0 rows/s"
        assert terminal.screen() == [expected]


def test_without_a_total_a_log_gets_a_count_every_minute():
    stream, clock = io.StringIO(), _Clock()
    with _progress(stream, clock, total_steps=None, label="reading", unit="row") as progress:
        for step in range(1, 131):
            clock.now += 1
            progress.update(step)
    assert stream.getvalue().splitlines() == [
        "reading: row 60, 1.0 rows/s", "reading: row 120, 1.0 rows/s", "reading: row 130, 1.0 rows/s"
    ]  # fmt: skip
