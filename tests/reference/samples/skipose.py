"""A small SkiPose-PTZ folder with ski_centers.csv: two clips, two frames, six cameras around a slope."""

import pathlib

import h5py
import numpy as np

from samples.h36m_fetch import body

FOCAL = 4.0  # Shares of the image; the principal point is its middle.
INTRINSICS = np.array([[FOCAL, 0, 0.5], [0, FOCAL, 0.5], [0, 0, 1]])


def center(clip: int, frame: int) -> np.ndarray:
    """[3] m: the root in the world, z up."""
    return np.array([10.0 * clip + frame, 5.0, 1.0])


def camera(number: int, clip: int, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """R_cam_2_world [3, 3] and position [3] m of a camera 20 m from the root, looking at it, image y down."""
    angle = np.pi / 3 * number
    position = center(clip, frame) + 20 * np.array([np.cos(angle), np.sin(angle), 0.0])
    forward = np.array([-np.cos(angle), -np.sin(angle), 0.0])
    down = np.array([0.0, 0.0, -1.0])
    return np.stack([np.cross(down, forward), down, forward], axis=1), position


def skier() -> np.ndarray:
    """[17, 3] m from the root, world axes: facing -y, the left side at positive x."""
    return body("h36m_17")[:, [0, 2, 1]] * (1, 1, -1) / 1000


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    lines = []
    for split, clip in (("train", 1), ("test", 5)):
        columns = {name: [] for name in ("seq", "cam", "frame", "subj", "3D", "2D", "cam_intrinsic", "cam_position")}
        columns["R_cam_2_world"] = []
        for frame in (3, 4):
            lines.append(" ".join(map(str, (clip, frame, *center(clip, frame)))))
            for number in range(6):
                to_world, position = camera(number, clip, frame)
                in_camera = skier() @ to_world
                absolute = in_camera + (center(clip, frame) - position) @ to_world
                image = absolute @ INTRINSICS.T
                row = {
                    "seq": clip, "cam": number, "frame": frame, "subj": clip % 3,
                    "3D": in_camera.reshape(-1), "2D": (image[:, :2] / image[:, 2:]).reshape(-1),
                    "cam_intrinsic": INTRINSICS.reshape(-1), "cam_position": position,
                    "R_cam_2_world": to_world.reshape(-1),
                }  # fmt: skip
                for name, value in row.items():
                    columns[name].append(value)
        (folder / split).mkdir()
        with h5py.File(folder / split / "labels.h5", "w") as file:
            for name, values in columns.items():
                file[name] = np.array(values)
    (folder / "ski_centers.csv").write_text("\n".join(lines) + "\n")
    return f"skipose:{folder}", {}
