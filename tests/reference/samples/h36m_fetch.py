"""A small `processed` folder of h36m-fetch: two files, four cameras, frames 1, 17 and 65."""

import pathlib

import h5py
import numpy as np

from tf_elepose.skeleton.conventions import get_convention

CAMERAS = (54138969, 55011271, 58860488, 60457274)
FRAMES = (1, 17, 65)
INTRINSICS = (1145.0, 512.0, 1144.0, 515.0)  # ax, x0, ay, y0, as the files have them.


_MIDDLE = {"root": 0, "spine": -230, "head": -700, "head_mid": -600, "upper_neck": -560, "nose": -590}
_SIDES = {
    "hip": (130, 0), "knee": (140, 450), "ankle": (150, 900), "shoulder": (160, -450), "elbow": (210, -170),
    "wrist": (230, 80), "clavicle": (60, -470), "foot": (150, 940), "toe": (150, 950),
}  # fmt: skip


def body(convention: str) -> np.ndarray:
    """[J, 3] mm, y down, from the root: a person upright who faces the camera, the left side at positive x."""
    places = []
    for joint in get_convention(convention).joints:
        side, _, part = joint.partition("_")
        if side in ("l", "r"):
            x, y = _SIDES.get(part, (230, 150))  # Hands.
            places.append((x if side == "l" else -x, y, 0))
        else:
            places.append((0, _MIDDLE.get(joint, -480), 0))
    return np.array(places, np.float64)


def pose_3d(camera: int, frame: int) -> np.ndarray:
    """[32, 3] mm in the frame of camera number `camera`: the body with the root at (frame, 0, 5000 + 100 camera)."""
    return body("h36m_32") + np.array([frame, 0, 5000 + 100 * camera])


def projected(points: np.ndarray) -> np.ndarray:
    ax, x0, ay, y0 = INTRINSICS
    return points[..., :2] / points[..., 2:] * (ax, ay) + (x0, y0)


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    for subject, clip in ((1, "Walking-1"), (9, "Sitting Down-2")):
        target = folder / "processed" / f"S{subject}" / clip
        target.mkdir(parents=True)
        poses = np.array([pose_3d(camera, frame) for camera in range(4) for frame in FRAMES])
        n = len(poses)
        with h5py.File(target / "annot.h5", "w") as file:
            file["pose/2d"] = projected(poses)
            file["pose/3d"] = poses
            file["pose/3d-univ"] = poses * 0.9
            file["camera"] = np.repeat(CAMERAS, len(FRAMES))
            file["frame"] = np.tile(FRAMES, 4)
            file["subject"] = np.full(n, subject)
            file["action"] = np.full(n, 14)
            file["subaction"] = np.full(n, int(clip[-1]))
            for camera in CAMERAS:
                file[f"intrinsics/{camera}"] = INTRINSICS
                file[f"intrinsics-univ/{camera}"] = INTRINSICS
    return f"h36m_fetch:{folder / 'processed'}", {}
