"""Stops a training between two steps when the user or the cluster sends a signal."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class StopRequest:
    """Turns SIGTERM and SIGINT (Ctrl-C) into a flag that a loop checks after every step.

        with StopRequest() as stop:
            for step in ...:
                train_step(...)
                if stop.requested:
                    save_checkpoint()
                    break

    A second Ctrl-C raises KeyboardInterrupt at once, for a user who does not want to wait. Leaving the block restores
    the earlier handlers. Python lets only the main thread handle signals: in another thread the block changes nothing
    and `requested` stays False.
    """

    def __init__(self) -> None:
        self._signal: signal.Signals | None = None
        self._interrupts = 0
        self._before: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether one of the signals has come."""
        return self._signal is not None

    @property
    def signal_name(self) -> str | None:
        """Name of the first signal that came, SIGTERM or SIGINT; None when none has."""
        return None if self._signal is None else self._signal.name

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for which in (signal.SIGTERM, signal.SIGINT):
                self._before[which] = signal.signal(which, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for which, handler in self._before.items():
            # None: a handler that was not installed from Python, which Python cannot put back.
            signal.signal(which, signal.SIG_DFL if handler is None else handler)
        self._before = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        # Only plain assignments: a signal during a handler that prints or locks would run it again inside itself.
        if self._signal is None:
            self._signal = signal.Signals(number)
        if number == signal.SIGINT:
            self._interrupts += 1
            if self._interrupts > 1:
                raise KeyboardInterrupt
