"""`lsp` and `lspet`: joints.mat of Leeds Sports Pose and of its extended training set. 2D only.

Both files have a variable `joints`, but with different axes and a different third number: LSP has [3, 14, 2000] of x, y
and whether the joint is occluded (its position is given nevertheless); LSPET has [14, 3, 10000] of x, y and whether the
joint is labelled (if not, x and y mean nothing). Left and right are the person's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from tf_elepose.data.parsers.matlab import MatReader
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention

_LAST_TRAINING_IMAGE = 1000  # Of LSP; the second thousand images are the test set.


def read_lsp(path: str | os.PathLike[str]) -> Iterator[Rows]:
    """Yields the rows of LSP's joints.mat; frames are image numbers from 1, as in im0001.jpg.

    Raises:
      ValueError: one line with the file, what was expected and what it holds.
    """
    convention, joints = _joints(path, "lsp")
    poses = joints[:2].transpose(2, 1, 0)
    frame = np.arange(1, len(poses) + 1)
    split = np.where(frame <= _LAST_TRAINING_IMAGE, "train", "test")
    yield Rows(
        convention=convention, poses_2d=poses, subject="lsp", clip="lsp", frame=frame, split=split, done=1.0
    )  # fmt: skip


def read_lspet(path: str | os.PathLike[str]) -> Iterator[Rows]:
    """Yields the rows of LSPET's joints.mat; frames are image numbers from 1, as in im00001.jpg.

    Raises:
      ValueError: one line with the file, what was expected and what it holds.
    """
    convention, joints = _joints(path, "lspet")
    poses = np.where(joints[:, 2:] > 0, joints[:, :2], np.nan).transpose(2, 0, 1)
    frame = np.arange(1, len(poses) + 1)
    yield Rows(convention=convention, poses_2d=poses, subject="lspet", clip="lspet", frame=frame, done=1.0)


def _joints(path: str | os.PathLike[str], format_name: str) -> tuple[Convention, np.ndarray]:
    """Reads the variable `joints` and checks that its axes are those of the format; returns its convention, too."""
    convention = conventions.get_convention("lsp_14")
    shapes = {"lsp": (3, convention.num_joints), "lspet": (convention.num_joints, 3)}
    with MatReader(path, f"{format_name} file") as file:
        value = file.variable("joints")
    if len(value.shape) != 3 or value.shape[:2] != shapes[format_name]:
        expected = ", ".join(map(str, shapes[format_name]))
        other = next((name for name, shape in shapes.items() if value.shape[:2] == shape), None)
        hint = f", the layout of {other}:PATH" if other is not None and len(value.shape) == 3 else ""
        raise ValueError(f"{value.where}: expected [{expected}, n]; got {list(value.shape)}{hint}")
    return convention, value.numbers()
