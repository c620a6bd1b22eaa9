"""A joints.mat of LSP: x, y and whether the joint is occluded."""

import pathlib

import numpy as np
import scipy.io

from samples.h36m_fetch import body

IMAGES = 1002


def joints() -> np.ndarray:
    """[3, 14, n]: the body, 10 mm a pixel, with the root at (100, 150 + number % 7); every third joint occluded."""
    number = np.arange(1, IMAGES + 1)
    x, y = body("lsp_14")[:, :2].T[..., np.newaxis] / 10
    occluded = (np.arange(14)[:, np.newaxis] + number) % 3 == 0
    return np.stack([np.broadcast_to(x + 100, occluded.shape), y + 150 + number % 7, occluded])


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    scipy.io.savemat(folder / "joints.mat", {"joints": joints()}, do_compression=True)
    return f"lsp:{folder / 'joints.mat'}", {}
