"""How far a long computation is: a bar on a terminal, an occasional plain line in a log file."""

from __future__ import annotations

import collections
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TextIO

_REDRAW_SECONDS = 0.1  # Faster than the eye reads; drawing is then far cheaper than any step.
_LINE_SECONDS = 10.0  # Between two plain lines at least ...
_LINE_PERCENT = 1.0  # ... and, up to a minute, as much as this.
_LINE_SECONDS_MOST = 60.0
_RATE_SECONDS = 30.0  # The rate is that of the last half minute, so that the first step's compilation drops out.
_BAR_MOST = 30
_BAR_LEAST = 5


class Progress:
    """Shows steps done, percent, rate, time left and a few values while a loop runs.

        with Progress(1000, "prior", examples_per_step=256) as progress:
            for step in range(1, 1001):
                loss = train_step(...)
                progress.update(step, {"loss": loss})

    On a terminal it is one line that changes in place; elsewhere a plain line every ten seconds at most, every
    minute when there is less to tell. Values are converted to numbers only when they are shown: an eager tensor
    costs no wait for the device in between. A stream that breaks (a closed terminal) ends the display, not the loop.
    """

    def __init__(
        self,
        total_steps: int | None,
        label: str,
        stream: TextIO | None = None,
        examples_per_step: int | None = None,
        *,
        initial_step: int = 0,
        unit: str = "step",
        clock: Callable[[], float] = time.monotonic,
        width: Callable[[], int] | None = None,
    ) -> None:
        """Starts to show progress.

        Args:
          total_steps: the step that is 100 %, at least 1; None when it is not known (yet).
          label: what is running.
          stream: where to write; standard error when None.
          examples_per_step: gives the rate in samples/s instead of steps/s.
          initial_step: steps that were done before, when a run is resumed; they do not count for the rate.
          unit: what a step is called.
          clock: seconds, never going back.
          width: columns of the terminal; asked of the stream when None.

        Raises:
          ValueError: `total_steps` is not positive.
        """
        if total_steps is not None and total_steps < 1:
            raise ValueError(f"progress of {label!r}: total_steps must be at least 1; got {total_steps}")
        self._total = total_steps
        self._label = label
        self._unit = unit
        self._stream: TextIO | None = sys.stderr if stream is None else stream
        self._examples = examples_per_step
        self._clock = clock
        self._width = width or self._terminal_width
        self._terminal = _is_terminal(self._stream)
        self._step = initial_step
        self._values: Mapping[str, Any] = {}
        self._history = collections.deque([(clock(), initial_step)])
        self._shown: tuple[float, int] | None = None if self._terminal else (clock(), initial_step)
        self._drawn = 0  # Columns of the bar that now stands on the terminal's last line.

    def update(self, step: int, values: Mapping[str, Any] | None = None, total_steps: int | None = None) -> None:
        """Tells that `step` steps are done; cheap enough for every step.

        Args:
          step: steps done, those of earlier runs included.
          values: numbers to show, by name; None keeps the last ones.
          total_steps: a better estimate of the total, at least 1; None keeps the last one.
        """
        now = self._clock()
        self._step = step
        if total_steps is not None:
            self._total = total_steps
        if values is not None:
            self._values = values
        self._history.append((now, step))
        while len(self._history) > 2 and self._history[1][0] <= now - _RATE_SECONDS:
            self._history.popleft()
        if self._due(now):
            self._show(now)

    def note(self, text: str) -> None:
        """Prints `text` on a line of its own, above the bar."""
        self._write(self._erasure() + text + "\n")
        if self._drawn:
            self._drawn = 0
            self._show(self._clock())

    def close(self) -> None:
        """Shows the last state and leaves the cursor on a fresh line; may be called twice."""
        if self._shown is None or self._shown[1] != self._step:
            self._show(self._clock())
        if self._drawn:
            self._write("\n")
        self._drawn = 0
        self._stream = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _due(self, now: float) -> bool:
        if self._shown is None:
            return True
        waited = now - self._shown[0]
        if self._terminal:
            return waited >= _REDRAW_SECONDS or (self._total is not None and self._step >= self._total)
        percent = 0.0 if self._total is None else 100.0 * (self._step - self._shown[1]) / self._total
        return waited >= _LINE_SECONDS and (percent >= _LINE_PERCENT or waited >= _LINE_SECONDS_MOST)

    def _show(self, now: float) -> None:
        if self._stream is None:
            return
        self._shown = (now, self._step)
        if not self._terminal:
            self._write(self._plain_line() + "\n")
            return
        line = self._bar_line(self._width() - 1)  # A character in the last column would wrap on some terminals.
        self._write(self._erasure() + line)
        self._drawn = len(line)

    def _erasure(self) -> str:
        """Spaces over the bar, and back: terminals of every kind understand that."""
        return "\r" + " " * min(self._drawn, self._width() - 1) + "\r" if self._drawn else ""

    def _plain_line(self) -> str:
        if self._total is None:
            facts = [f"{self._unit} {self._step}"]
        else:
            facts = [f"{self._percent(self._total):.0f} %", f"{self._unit} {self._step}/{self._total}"]
        if rate := self._rate():
            facts.append(self._rate_text(rate))
            facts += [f"{self._time_left(rate, self._total)} left"] if self._total is not None else []
        return f"{self._label}: {', '.join(facts + self._value_texts())}"

    def _bar_line(self, columns: int) -> str:
        """The label and what fits into `columns` of: percent, step, time left, rate, values; a bar in what is left."""
        head, facts, share = self._label, [f"{self._unit} {self._step}"], None
        if self._total is not None:
            head, facts = f"{self._label} {self._percent(self._total):3.0f}%", [f"{self._step}/{self._total}"]
            share = min(max(self._step / self._total, 0.0), 1.0)
        if rate := self._rate():
            facts += [f"{self._time_left(rate, self._total)} left"] if self._total is not None else []
            facts.append(self._rate_text(rate))
        tail = ""
        for fact in facts + self._value_texts():
            if len(head) + len(tail) + 2 + len(fact) > columns:
                break
            tail += "  " + fact
        bar = min(_BAR_MOST, columns - len(head) - len(tail) - len(" []"))
        if share is not None and bar >= _BAR_LEAST:
            full = int(bar * share)
            head += f" [{'#' * full}{'-' * (bar - full)}]"
        return (head + tail)[: max(columns, 0)]

    def _percent(self, total: int) -> float:
        """The percentage of the steps; 100 only when all are done."""
        percent = 100.0 * self._step / total
        return percent if self._step >= total else min(percent, 99.0)

    def _rate(self) -> float:
        """Steps a second lately; 0 while there is nothing to measure."""
        (since, first), (now, last) = self._history[0], self._history[-1]
        return (last - first) / (now - since) if now > since and last > first else 0.0

    def _rate_text(self, rate: float) -> str:
        if self._examples is None:
            return f"{rate:,.1f} {self._unit}s/s"
        return f"{rate * self._examples:,.0f} samples/s"

    def _time_left(self, rate: float, total: int) -> str:
        seconds = math.ceil(max(total - self._step, 0) / rate)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"

    def _value_texts(self) -> list[str]:
        return [f"{name} {float(value):.4g}" for name, value in self._values.items()]

    def _terminal_width(self) -> int:
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns if self._stream else 0
        except (OSError, ValueError):
            columns = 0
        return columns or shutil.get_terminal_size().columns  # Some terminals say 0 when they do not know.

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream has been closed.
            self._stream = None


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False
