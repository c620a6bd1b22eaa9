"""--torch_python, of benchmarks that compare with PyTorch, which may live in another environment."""

from __future__ import annotations

import subprocess
import sys

from absl import flags


def define() -> None:
    flags.DEFINE_string("torch_python", sys.executable, "Path of a Python that has PyTorch.")


def found() -> str | None:
    """The Python that the flag names; None, with a printed line, if it cannot import PyTorch."""
    named = flags.FLAGS.torch_python
    if subprocess.run([named, "-c", "import torch"], capture_output=True).returncode == 0:
        return named
    print(f"PyTorch is left out: {named} has no torch; --torch_python=PATH chooses another Python", flush=True)
    return None
