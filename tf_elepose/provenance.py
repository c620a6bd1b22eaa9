"""When and with what a result was made: every number that is kept carries it."""

from __future__ import annotations

import datetime
import os
import pathlib
import platform
from importlib import metadata
from typing import Any

_PACKAGES = ("tensorflow", "keras", "tensorflow-probability", "numpy")


def provenance() -> dict[str, Any]:
    """Date (UTC), hardware, versions."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "hardware": _hardware(),
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in _PACKAGES},
    }


def _hardware() -> str:
    name = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass  # Not Linux, or an architecture that does not say.
    return f"{os.cpu_count()} x {name}"
