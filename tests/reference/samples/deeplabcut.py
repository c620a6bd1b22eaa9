"""DeepLabCut's csv of predictions: one individual, several, and labels."""

import pathlib

import numpy as np

from samples.coco import NAMES
from samples.videopose3d import poses

NETWORK = "DLC_resnet50_walkNov1shuffle1_100000"


def write_table(file: pathlib.Path, people: dict[str, np.ndarray], index: list[str] | None = None, names=NAMES) -> None:
    """Writes `file` of {individual: [T, K, 2 or 3]} as pandas does; one individual named "" has no row of individuals.

    Args:
      file: its path.
      people: x, y and perhaps likelihood, px; NaN gives empty cells.
      index: what the first columns hold, parts of a path separated by commas; the frames without it.
      names: of the body parts.
    """
    array = np.concatenate(list(people.values()), axis=1)
    axes = ["x", "y", "likelihood"][: array.shape[-1]]
    parts = list(names) * len(people)
    owners = [person for person in people for _ in names]
    index = index if index is not None else [str(frame) for frame in range(len(array))]
    blank = "," * index[0].count(",")
    header = [
        ["scorer" + blank, *[NETWORK] * (len(parts) * len(axes))],
        ["individuals" + blank, *[owner for owner in owners for _ in axes]],
        ["bodyparts" + blank, *[part for part in parts for _ in axes]],
        ["coords" + blank, *axes * len(parts)],
    ]
    if list(people) == [""]:
        del header[1]
    lines = [",".join(row) for row in header]
    for name, row in zip(index, array, strict=True):
        lines.append(",".join([name, *("" if np.isnan(value) else f"{value:.4f}" for value in row.ravel())]))
    file.write_text("\n".join(lines) + "\n")


def trusted(poses_2d: np.ndarray, likelihood: float = 0.75) -> np.ndarray:
    """[..., 3]: places and likelihood."""
    return np.concatenate([poses_2d, np.full((*poses_2d.shape[:-1], 1), likelihood)], axis=-1)


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    second = trusted(poses(700))
    second[1] = np.nan  # Not found.
    file = folder / f"walk{NETWORK}_el.csv"
    write_table(file, {"ann": trusted(poses(200)), "bob": second})
    return f"deeplabcut:{file}", {}
