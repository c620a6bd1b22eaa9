"""`bvh`: motion capture in BVH files, seen by virtual cameras.

The joints move as the file says; static cameras around each clip see them as 2D poses (px) and 3D poses (mm, camera
frame), as calibrated cameras would. A folder is searched for *.bvh; each file is a clip, whose subject is the folder
that holds the file.
"""

from __future__ import annotations

import math
import os
import pathlib
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import logging

from tf_elepose.data.mocap.bvh_file import BvhMotion, read_bvh_motion
from tf_elepose.data.mocap.bvh_joints import JointMap, joints_from_file, known_joints
from tf_elepose.data.mocap.virtual_cameras import IMAGE_PX, Rig, draw_rig, orientation, pixels, view
from tf_elepose.data.parsers.limits import unpacked_name
from tf_elepose.data.rows import Rows

# Rotations from the file's axes to level axes (y down): {axis that points up: rotation}.
_LEVEL = {
    "x": np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
    "y": np.array([[1, 0, 0], [0, -1, 0], [0, 0, -1]]),
    "z": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]),
}
# Range of the length from ankle to head along the bones, from children to tall men. It fits at most one of the units.
_BODY_MM = (900.0, 2200.0)
_UNITS = {"mm": 1.0, "cm": 10.0, "m": 1000.0}

_NEAREST_MM = 1000.0  # Nearer poses have walked past a camera, or through it.
_PART_FRAMES = 1024


def read_bvh(
    path: str | os.PathLike[str],
    *,
    joints: str | None = None,
    scale: float | None = None,
    up: str | None = None,
    frame_rate: float | None = None,
    cameras: int = 4,
    elevation_mean: float = 12.0,
    elevation_std: float = 6.0,
    roll_std: float = 0.0,
    distance_mean: float = 5000.0,
    distance_std: float = 250.0,
    test_fraction: float = 0.0,
    seed: int = 0,
) -> Iterator[Rows]:
    """Yields the rows of the file, or of the files in the folder, at `path`; equal options give equal rows.

    Args:
      path: of a .bvh file or a folder with such files, at any depth.
      joints: path of a YAML file {joint: joint of the BVH file, or a list to take the middle of}, for names that are
        not known.
      scale: mm per unit of the file. Without it, the unit (mm, cm or m) is the one in which the body measures 0.9 to
        2.2 m from ankle to head; a message says which. Other units must be given: CMU's motions converted to BVH keep
        CMU's unit of 56.44 mm (1 / 0.45 inches).
      up: the axis that points up, x, y or z. Without it, y; an error if the people would then mostly lie.
      frame_rate: about how many frames a second are kept.
      cameras: how many cameras stand around each clip.
      elevation_mean, elevation_std: of the cameras above the horizon, degrees, positive looking down.
      roll_std: of the cameras, degrees.
      distance_mean, distance_std: from camera to the clip's middle, mm.
      test_fraction: share of the clips in the test split, drawn by `seed`.
      seed: of everything random, from 0.

    Raises:
      ValueError: an option is out of range, there are no files, or one of them is wrong.
    """
    source = pathlib.Path(path)
    _require_options(scale, up, frame_rate, cameras, seed, test_fraction)
    _require_angles(elevation_mean, elevation_std, roll_std, distance_mean, distance_std)
    files = (
        sorted(file for file in source.rglob("[!.]*") if unpacked_name(file).suffix.lower() == ".bvh")
        if source.is_dir()
        else [source]
    )
    if not files:
        raise ValueError(f"bvh {source}: the folder holds no .bvh files")
    test = _test_clips(len(files), test_fraction, seed, source)
    logged: set[str] = set()
    for place, file in enumerate(files):
        motion = read_bvh_motion(file)
        body = known_joints(motion) if joints is None else joints_from_file(motion, pathlib.Path(joints))
        # All lengths in mm and level from here on.
        to_level = (scale or _judged_scale(motion, body, logged)) * _level(motion, body, up)
        plain = unpacked_name(file)
        clip = plain.relative_to(source).with_suffix("").as_posix() if source.is_dir() else plain.stem
        frames = _kept_frames(motion, frame_rate)
        rng = np.random.default_rng([seed, zlib.crc32(clip.encode("utf-8", "surrogateescape"))])
        center = sum(body.places(motion, part).mean(axis=1).sum(axis=0) for part in _in_parts(frames)) / len(frames)
        elevation, distance = (elevation_mean, elevation_std), (distance_mean, distance_std)
        rig = draw_rig(rng, (to_level @ center)[np.newaxis], cameras, elevation, roll_std, distance)
        left_out = len(motion.values) - len(frames)
        for part in _in_parts(frames):
            yield Rows(
                **_seen(rig, body.places(motion, part) @ to_level.T, part, cameras * left_out),
                convention=body.convention,
                subject=file.parent.name or clip,
                action=clip,
                clip=clip,
                split="test" if place in test else "train",
                image_size=(IMAGE_PX, IMAGE_PX),
                done=(place + (part[-1] + 1) / len(motion.values)) / len(files),
            )
            left_out = 0


def _seen(rig: Rig, poses: np.ndarray, frames: np.ndarray, left_out: int) -> dict[str, Any]:
    """Yields the fields of `Rows` for level `poses` [T, J, 3] mm of `frames`, seen by one camera after the other."""
    with np.errstate(all="ignore"):  # `assemble` refuses numbers that are too large.
        poses_3d = view(rig, poses[np.newaxis])[0]
        poses_2d = pixels(poses_3d)
    cameras = len(poses_3d)
    before = (poses_3d[..., 2] >= _NEAREST_MM).all(axis=-1).reshape(-1)
    # The angle of the line of sight below the horizon; rounding may make the sine larger than 1.
    looking = np.degrees(np.arcsin(np.clip(orientation(rig)[0, :, 2, 1], -1.0, 1.0)))
    dropped = {"between the frames taken": left_out, "nearer than 1 m to a camera": int((~before).sum())}
    return {
        "poses_2d": poses_2d.reshape(-1, *poses_2d.shape[2:])[before].astype(np.float32),
        "poses_3d": poses_3d.reshape(-1, *poses_3d.shape[2:])[before].astype(np.float32),
        "camera": np.repeat(np.arange(cameras), len(frames))[before],
        "frame": np.tile(frames, cameras)[before],
        "elevation": np.repeat(looking, len(frames))[before].astype(np.float32),
        "dropped": {reason: count for reason, count in dropped.items() if count},
    }


def _judged_scale(motion: BvhMotion, body: JointMap, logged: set[str]) -> float:
    """Returns the mm per unit of the file, judged by the body's length; each unit is logged once."""
    ends = body.ends
    length = motion.path_length(*ends) if ends else 0.0
    for unit, scale in _UNITS.items():
        if _BODY_MM[0] <= scale * length <= _BODY_MM[1]:
            if unit not in logged:
                logging.warning("%s: %.4g units from ankle to head, taken as %s", motion.where, length, unit)
                logged.add(unit)
            return scale
    raise ValueError(
        f"{motion.where}: {length:.4g} units from ankle to head are a body neither in mm nor in cm nor in m; give "
        "the mm of a unit, --option=scale=56.44 (that of CMU's motions)"
    )


def _level(motion: BvhMotion, body: JointMap, up: str | None) -> np.ndarray:
    """Returns the matrix [3, 3] that rotates the file's axes into level axes, y down."""
    if up is not None:
        return _LEVEL[up]
    ends = body.ends
    if ends is not None and (length := motion.path_length(*ends)) > 0:
        sample = np.unique(np.linspace(0, len(motion.values) - 1, 64).astype(int))
        ankle, head = motion.places(ends, sample).mean(axis=0)
        x, y, z = (head - ankle) / length
        if y < 0.3 and max(abs(x), abs(z)) > 0.6:
            other = "x" if abs(x) > abs(z) else "z"
            raise ValueError(
                f"{motion.where}: the head is mostly along {other} from the ankles, not above them; say which axis "
                f"points up, --option=up={other}, or --option=up=y where people lie"
            )
    return _LEVEL["y"]


def _kept_frames(motion: BvhMotion, frame_rate: float | None) -> np.ndarray:
    count = len(motion.values)
    if frame_rate is None:
        return np.arange(count)
    if motion.frame_time <= 0:
        raise ValueError(f"{motion.where}: Frame Time is 0, so --option=frame_rate cannot be kept")
    step = max(1.0, 1.0 / (motion.frame_time * frame_rate))
    return np.unique(np.floor(np.arange(0, count, step) + 1e-6).astype(int))


def _in_parts(frames: np.ndarray) -> list[np.ndarray]:
    return np.split(frames, range(_PART_FRAMES, len(frames), _PART_FRAMES))


def _test_clips(count: int, fraction: float, seed: int, source: pathlib.Path) -> set[int]:
    if fraction == 0:
        return set()
    if count < 2:
        raise ValueError(f"bvh {source}: test_fraction: expected at least two files to split; got {count}")
    chosen = min(max(round(fraction * count), 1), count - 1)
    return set(np.random.default_rng(seed).permutation(count)[:chosen].tolist())


def _require_options(
    scale: float | None, up: str | None, frame_rate: float | None, cameras: int, seed: int, test_fraction: float
) -> None:
    for name, value, largest in (("scale", scale, 1e5), ("frame_rate", frame_rate, 1e5)):
        if value is not None and not 0 < value <= largest:
            raise ValueError(f"bvh: {name}: expected a number above 0, up to {largest:g}; got {value}")
    if up is not None and up not in _LEVEL:
        raise ValueError(f"bvh: up: expected {', '.join(_LEVEL)}; got {up!r}")
    if not (isinstance(cameras, int) and 1 <= cameras <= 1000):
        raise ValueError(f"bvh: cameras: expected an integer from 1 to 1000; got {cameras!r}")
    if not (isinstance(seed, int) and seed >= 0):
        raise ValueError(f"bvh: seed: expected an integer from 0; got {seed!r}")
    if not 0 <= test_fraction < 1:
        raise ValueError(f"bvh: test_fraction: expected a share from 0, below 1; got {test_fraction}")


def _require_angles(
    elevation_mean: float, elevation_std: float, roll_std: float, distance_mean: float, distance_std: float
) -> None:
    if not abs(elevation_mean) <= 90:
        raise ValueError(f"bvh: elevation_mean: expected degrees from -90 to 90; got {elevation_mean}")
    spreads = {"elevation_std": elevation_std, "roll_std": roll_std, "distance_std": distance_std}
    for name, value in spreads.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"bvh: {name}: expected a number from 0; got {value}")
    if not (math.isfinite(distance_mean) and distance_mean > _NEAREST_MM):
        raise ValueError(f"bvh: distance_mean: expected mm above {_NEAREST_MM:g}; got {distance_mean}")
