"""A small 3DPW: its folders, with pickles as Python 2 and its NumPy wrote them."""

import pathlib
import pickle
from typing import ClassVar

import numpy as np

INTRINSICS = np.array([[1960.0, 0, 540], [0, 1960, 960], [0, 0, 1]])


class Python2Pickler(pickle._Pickler):
    """Protocol 2 with strings of bytes, and with NumPy's functions where they then were."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_text(self, text):
        data = text if isinstance(text, bytes) else text.encode("latin-1")
        self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data if len(data) < 256 else
                   pickle.BINSTRING + len(data).to_bytes(4, "little") + data)  # fmt: skip
        self.memoize(text)

    dispatch[str] = dispatch[bytes] = save_text

    def save_global(self, value, name=None):
        module = value.__module__.replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + f"{module}\n{name or value.__name__}\n".encode())
        self.memoize(value)

    dispatch[type] = dispatch[type(save_text)] = dispatch[type(len)] = save_global


def dump(path: pathlib.Path, value) -> None:
    with open(path, "wb") as stream:
        Python2Pickler(stream, 2).dump(value)


def sequence(name: str, frames: int = 4, people: int = 1) -> dict:
    """A person 5 m before the camera, whose world is the camera's frame turned by half a turn about x and moved."""
    joints = np.zeros((24, 3))
    heights = {0: 1.0, 3: 1.1, 6: 1.2, 9: 1.3, 12: 1.5, 15: 1.6, 13: 1.45, 14: 1.45}
    limbs = {1: 0.95, 4: 0.5, 7: 0.1, 10: 0.02, 16: 1.42, 18: 1.15, 20: 0.9, 22: 0.8}
    for joint, height in heights.items():
        joints[joint] = 0, height, 0
    for left, height in limbs.items():
        joints[left] = 0.1 + 0.01 * left, height, 0  # Facing the camera, the left side is at +x in the image.
        joints[left + 1] = -0.1 - 0.01 * left, height, 0
    camera = np.array([[1.0, 0, 0, 0.5], [0, -1, 0, 1], [0, 0, -1, 5], [0, 0, 0, 1]])
    found = np.zeros((frames, 3, 18))
    found[:, 0], found[:, 1], found[:, 2] = 500 + np.arange(18), 700 + np.arange(18), 0.9
    found[2] = 0  # Not found.
    valid = np.ones(frames, bool)
    valid[1] = False
    return {
        "sequence": name,
        "jointPositions": [np.tile(joints.reshape(1, 72), (frames, 1)) for _ in range(people)],
        "poses2d": [found.copy() for _ in range(people)],
        "campose_valid": [valid for _ in range(people)],
        "cam_poses": np.tile(camera, (frames, 1, 1)),
        "cam_intrinsics": INTRINSICS,
        "img_frame_ids": np.arange(frames) * 2 + 10,
        "genders": ["m"] * people,
        "betas": [np.zeros(10)] * people,
    }


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    root = folder / "sequenceFiles"
    for split, name, people in (
        ("train", "downtown_walk_00", 1),
        ("validation", "yoga_01", 1),
        ("test", "fight_00", 2),
    ):
        (root / split).mkdir(parents=True)
        dump(root / split / f"{name}.pkl", sequence(name, people=people))
    return f"3dpw:{root}", {}
