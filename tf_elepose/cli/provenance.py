"""When and with what a result was made: every number that is kept carries it."""

from __future__ import annotations

import datetime
import os
import pathlib
import platform
import subprocess
import sys
from importlib import metadata
from typing import Any

_PACKAGES = ("tensorflow", "keras", "tensorflow-probability", "numpy")

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]

_GIT_SECONDS = 10.0  # A checkout on a slow network disk must not hold up a result.


def provenance() -> dict[str, Any]:
    """Date (UTC), hardware, versions and, where the package lies in a git checkout, `commit`.

    The hardware is what this process may use: of a machine's cores those it is not kept off, as by taskset.
    The commit ends in "+changes" when files of the checkout differ from it. A package that is not installed under its
    usual name (tensorflow as tensorflow-cpu) and not imported either has no version here.
    """
    versions = {name: version for name in _PACKAGES if (version := _version(name))}
    made = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "hardware": _hardware(),
        "versions": {"python": platform.python_version()} | versions,
    }
    commit = _commit()
    return made if commit is None else made | {"commit": commit}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return getattr(sys.modules.get(name.replace("-", "_")), "__version__", None)


def _commit() -> str | None:
    """None without git and without a checkout.

    That git knows the package's own files is asked first: a virtual environment often lies inside some other checkout.
    """
    try:
        _git("ls-files", "--error-unmatch", "__init__.py")
        commit = _git("rev-parse", "--short", "HEAD")
        return commit + "+changes" if _git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    # Without optional locks: `status` would otherwise write, beside somebody who commits.
    command = ["git", "--no-optional-locks", *arguments]
    done = subprocess.run(command, cwd=_PACKAGE, capture_output=True, text=True, check=True, timeout=_GIT_SECONDS)
    return done.stdout.strip()


def _hardware() -> str:
    name = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass  # Not Linux, or an architecture that does not say.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} x {name}"
