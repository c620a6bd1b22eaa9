"""A joints.mat of LSPET: x, y and whether the joint is labelled."""

import pathlib

import numpy as np
import scipy.io

from samples.h36m_fetch import body

IMAGES = 20


def joints() -> np.ndarray:
    """[14, 3, n]: the body, 10 mm a pixel, with the root at (100, 150); image 1 lacks joint 0, image 2 all but four."""
    array = np.ones((14, 3, IMAGES))
    array[:, :2] = (body("lsp_14")[:, :2] / 10 + (100, 150))[..., np.newaxis]
    array[0, :, 0] = (-733.0, 12.0, 0.0)  # What stands there is anything.
    array[4:, :, 1] = 0.0
    return array


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    scipy.io.savemat(folder / "joints.mat", {"joints": joints()})
    return f"lspet:{folder / 'joints.mat'}", {}
