"""A small folder as VideoPose3D's prepare_data_h36m.py and its download of CPN detections make it."""

import pathlib

import numpy as np

from tf_elepose.data.readers.h36m_cameras import LENSES, STANDS, project, to_camera

FRAMES = 5
KEPT = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
SYMMETRY = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]


def standing(frames: int = FRAMES) -> np.ndarray:
    """[frames, 32, 3] m: a person in the middle of the room, facing the world's -y, moving up 10 mm a frame."""
    pose = np.zeros((32, 3), np.float32)
    heights = {0: 0.95, 12: 1.18, 13: 1.44, 14: 1.56, 15: 1.68}
    for side, hip, shoulder in ((-1, 1, 25), (1, 6, 17)):  # Facing -y, the right side is at -x.
        for joint, x, z in ((hip, 0.13, 0.95), (hip + 1, 0.13, 0.5), (hip + 2, 0.13, 0.05)):
            pose[joint] = side * x, 0, z
        for joint, x, z in ((shoulder, 0.17, 1.4), (shoulder + 1, 0.2, 1.1), (shoulder + 2, 0.2, 0.85)):
            pose[joint] = side * x, 0, z
    for joint, z in heights.items():
        pose[joint] = 0, 0, z
    return pose + np.arange(frames, dtype=np.float32)[:, None, None] * np.float32([0, 0, 0.01])


def truth(subject: str, poses: np.ndarray) -> list[np.ndarray]:
    """The four cameras' [T, 17, 2] px."""
    return [
        project(lens, to_camera(stand, 1000 * poses.astype(float)))[:, KEPT].astype(np.float32)
        for lens, stand in zip(LENSES, STANDS[subject], strict=True)
    ]


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    positions = {
        "S1": {"Walking": standing(), "Walking 1": standing()},
        "S9": {"Photo": standing()},
        "S11": {"Directions 1": standing()},
    }
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=np.array(positions, dtype=object))
    views = {s: {action: truth(s, poses) for action, poses in actions.items()} for s, actions in positions.items()}
    metadata = {"num_joints": 17, "keypoints_symmetry": SYMMETRY}
    save_2d(folder / "data_2d_h36m_gt.npz", views, metadata)
    found = {
        s: {a: [np.pad(v, ((0, 2), (0, 0), (0, 0))) + 1 for v in c] for a, c in d.items()} for s, d in views.items()
    }
    found["S2"] = {"Eating": [np.full((3, 17, 2), 500, np.float32)] * 4}
    save_2d(folder / "data_2d_h36m_cpn_ft_h36m_dbb.npz", found, metadata | {"layout_name": "h36m"})
    return f"h36m:{folder}", {"detections": "cpn_ft_h36m_dbb", "test_every": 2}


def save_2d(path: pathlib.Path, positions: dict, metadata: dict) -> None:
    np.savez_compressed(path, positions_2d=np.array(positions, dtype=object), metadata=np.array(metadata, dtype=object))
