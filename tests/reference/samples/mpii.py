"""A small mpii_human_pose_v1_u12_1.mat, and its people as a JSON list."""

import json
import pathlib

import numpy as np
import scipy.io

from samples.h36m_fetch import body

NAMES = ("015601864.jpg", "015599452.jpg", "005808361.jpg", "086617615.jpg")
TRAINING = (1, 1, 1, 0)


def joints(image: int, person: int) -> np.ndarray:
    """[16, 2] px counted from 1: the body, 4 mm a pixel, with the root at (301 + 100 person, 401 + image)."""
    return body("mpii_16")[:, :2] / 4 + (301 + 100 * person, 401 + image)


def structs(rows: list[dict]) -> np.ndarray:
    """A MATLAB struct array [1, n]."""
    fields = list(rows[0])
    array = np.zeros((1, len(rows)), [(field, object) for field in fields])
    for place, row in enumerate(rows):
        array[0, place] = tuple(row[field] for field in fields)
    return array


def points(pose: np.ndarray, order: list[int]) -> dict:
    """annopoints of the joints in `order`; is_visible is empty, a number or text, as in the original."""
    visible = [np.zeros((0, 0)), 1, "0"]
    return {
        "point": structs([{"x": pose[k, 0], "y": pose[k, 1], "id": k, "is_visible": visible[k % 3]} for k in order])
    }


def people(image: int) -> np.ndarray:
    """annorect: 0 has two people, in 1 one has no keypoints and one lacks joints, 2 has none, 3 is for testing."""
    everything = list(range(16))
    if image == 0:
        return structs(
            [
                {"scale": 3.0, "annopoints": points(joints(0, 0), everything)},
                {"scale": 2.0, "annopoints": points(joints(0, 1), everything[::-1])},
            ]
        )
    if image == 1:
        return structs(
            [
                {"scale": 3.0, "annopoints": np.zeros((0, 0))},
                {"scale": 3.0, "annopoints": points(joints(1, 1), everything[2:])},
            ]
        )
    return np.zeros((0, 0)) if image == 2 else structs([{"scale": 3.0, "objpos": structs([{"x": 5, "y": 6}])}])


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    annolist = structs(
        [
            {"image": structs([{"name": name}]), "annorect": people(i), "frame_sec": np.zeros((0, 0)), "vididx": i}
            for i, name in enumerate(NAMES)
        ]
    )
    release = {"annolist": annolist, "img_train": np.array([TRAINING], np.uint8), "version": "12"}
    path = folder / "mpii_human_pose_v1_u12_1.mat"
    scipy.io.savemat(path, {"RELEASE": release}, do_compression=True)
    return f"mpii:{path}", {}


def write_json(folder: pathlib.Path) -> tuple[str, dict]:
    """The people of image 0 and the second of image 1 as a JSON list."""
    entries = []
    for image, person, missing in ((0, 0, 0), (0, 1, 0), (1, 1, 2)):
        pose, known = joints(image, person), [1] * 16
        pose[:missing] = -1
        known[:missing] = [0] * missing
        entries.append(
            {
                "joints_vis": known,
                "joints": pose.tolist(),
                "image": NAMES[image],
                "scale": 3.0,
                "center": [500.0, 400.0],
            }
        )
    (folder / "train.json").write_text(json.dumps(entries))
    return f"mpii:{folder / 'train.json'}", {}
