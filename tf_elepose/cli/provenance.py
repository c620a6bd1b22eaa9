"""Records when and with what a result was made; it is stored with every result."""

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

_GIT_SECONDS = 10.0  # git on a slow network disk must not delay a result.


def provenance() -> dict[str, Any]:
    """Date (UTC), hardware, versions and, where the package lies in a git checkout, `commit`.

    The hardware counts only the cores that this process may use (see taskset). The commit ends in "+changes" when files
    of the checkout differ from it. A package that is installed under another name (tensorflow as tensorflow-cpu) has a
    version here only if it is imported.
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
    """The commit of the checkout that holds the package; None without git or without such a checkout.

    First asks whether git knows the files of the package: a virtual environment often lies in some other checkout.
    """
    try:
        _git("ls-files", "--error-unmatch", "__init__.py")
        commit = _git("rev-parse", "--short", "HEAD")
        return commit + "+changes" if _git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    # Without optional locks: `status` would otherwise write to the checkout, perhaps while somebody commits.
    command = ["git", "--no-optional-locks", *arguments]
    done = subprocess.run(command, cwd=_PACKAGE, capture_output=True, text=True, check=True, timeout=_GIT_SECONDS)
    return done.stdout.strip()


def _hardware() -> str:
    name = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass  # Not Linux, or an architecture whose cpuinfo has no model name.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} x {name}"
