"""Effect of smoothing and of motion files on motion: python -m benchmarks.studies.motion_files

Smoothing: the 3D poses of the treadmill recording get white noise on every coordinate; measured are the acceleration
and the distance from the poses without noise. BVH: every clip of ../shared/data/cmu_views.npz, in the frame of its
first camera, and the treadmill's poses are written and read again, with position channels and with bones of constant
length. Writes benchmarks/results/motion_files.json.
"""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import flags, logging

from benchmarks.studies import treadmill
from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.data.mocap.bvh_file import read_bvh_motion
from tf_elepose.data.recording import Recording
from tf_elepose.data.sources import load_source
from tf_elepose.evaluation.alignment import root_center
from tf_elepose.motion.lifted import Lifted
from tf_elepose.motion.smoothing import FILTERS, smooth
from tf_elepose.outputs.bvh import write_bvh
from tf_elepose.skeleton.skeletons import Skeleton, get_skeleton
from tf_elepose.storage import files

NOISE_MM = (0.0, 10.0, 20.0)

DRAWS = 5
"""Number of draws of the noise."""

TREADMILL_HZ = 60.0

_CMU_HZ = 30.0  # BVH files need a frame rate; nothing here depends on it.

_BVH_TO_CAMERA = 10.0 * np.array([1.0, -1.0, -1.0])  # cm, y up, to mm, y down.


def define_flags() -> None:
    flags.DEFINE_string("data", "views:../shared/data/cmu_views.npz", "Clips with true 3D poses.")
    flags.DEFINE_string("treadmill", treadmill.SOURCE, "The recording of a person walking.")
    flags.DEFINE_integer("draws", DRAWS, "Number of times that the noise is drawn.", lower_bound=1)
    flags.DEFINE_integer("clips", None, "Number of clips of --data; all when not given.", lower_bound=1)
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    walker = treadmill.load(options.treadmill)
    skeleton = get_skeleton("h36m_17")
    logging.set_verbosity(logging.ERROR)  # Hides a warning for every file with bones of constant length.
    walked = {
        "sides as detected": moving(walker.given[0], skeleton, TREADMILL_HZ),
        "sides as the views agree": moving(walker.agreeing, skeleton, TREADMILL_HZ),
    }
    jitter = []
    for reference, motion in walked.items():
        for noise in NOISE_MM:
            jitter.append({"reference": reference, **smoothed(motion, noise, options.draws)})
            print(jitter[-1], flush=True)
    clips = clips_of(load_source(options.data, skeleton, check="off"))[: options.clips]
    written = [
        {"motion": "motion capture", **bones(clips)},
        *({"motion": f"treadmill, {reference}", **bones([motion])} for reference, motion in walked.items()),
    ]
    print(*written, sep="\n")
    results = {"draws": options.draws, "jitter": jitter, "bvh": written, **provenance()}
    files.write_json(pathlib.Path(options.results) / "motion_files.json", results)
    return 0


def moving(poses_3d: np.ndarray, skeleton: Skeleton, rate: float) -> Lifted:
    """Poses [F, J, 3] mm of a person as `Lifted`, one frame after the other."""
    rows = len(poses_3d)
    name, first = np.full(rows, "clip"), np.zeros(rows, int)
    return Lifted(
        source="true poses", model="none", skeleton=skeleton, poses_3d=root_center(poses_3d, skeleton.root_index),
        unit="mm", axes="camera", valid=np.ones(rows, bool), poses_2d=np.zeros((rows, skeleton.num_joints, 2)),
        elevation=None, percentile=None, clip=name, subject=name, camera=first, frame=np.arange(rows), person=first,
        frame_rate=rate,
    )  # fmt: skip


def clips_of(recording: Recording) -> list[Lifted]:
    """Every clip, in time order, in the frame of its first camera."""
    assert recording.poses_3d is not None  # `main` loads views with 3D poses.
    found = []
    for subject, clip in sorted(set(zip(recording.subject.tolist(), recording.clip.tolist(), strict=True))):
        rows = np.flatnonzero((recording.subject == subject) & (recording.clip == clip))
        rows = rows[recording.camera[rows] == recording.camera[rows].min()]
        rows = rows[np.argsort(recording.frame[rows])]
        found.append(moving(recording.poses_3d[rows], recording.skeleton, _CMU_HZ))
    return found


def smoothed(motion: Lifted, noise: float, draws: int) -> dict[str, Any]:
    """Mean acceleration, m/s^2, and mean distance from `motion`, mm, with noise, before ("none") and after each filter.

    `noise` is the deviation in mm.
    """
    shaking: dict[str, list[float]] = {method: [] for method in ("none", *FILTERS)}
    distance: dict[str, list[float]] = {method: [] for method in shaking}
    assert motion.frame_rate is not None  # `moving` gives one.
    for seed in range(draws):
        added = np.random.default_rng(seed).normal(0.0, noise, motion.poses_3d.shape)
        noisy = root_center(motion.poses_3d + added, motion.skeleton.root_index)
        shaken = dataclasses.replace(motion, poses_3d=noisy)
        for method in shaking:
            poses = noisy if method == "none" else smooth(shaken, method).poses_3d
            shaking[method].append(acceleration(poses, motion.frame_rate))
            distance[method].append(float(np.linalg.norm(poses - motion.poses_3d, axis=-1).mean()))
    mean = {name: {method: float(np.mean(values)) for method, values in found.items()}
            for name, found in (("acceleration", shaking), ("distance_mm", distance))}  # fmt: skip
    return {"noise_mm": noise, **mean}


def acceleration(poses: np.ndarray, rate: float) -> float:
    """Mean acceleration, m/s^2, of the joints of poses [F, J, 3] mm at `rate` Hz, by second differences."""
    return float(np.linalg.norm(np.diff(poses, 2, axis=0), axis=-1).mean() * rate**2 / 1000.0)


def bones(motions: Sequence[Lifted]) -> dict[str, Any]:
    """Distances, mm, of joints read back from BVH files, with position channels and with bones of constant length.

    With position channels, the largest distance; with constant bones, the average over `motions` of the mean distance,
    and the largest mean distance.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "motion.bvh"
        whole = [read_back(motion, path, constant_bones=False).max() for motion in motions]
        constant = [read_back(motion, path, constant_bones=True).mean() for motion in motions]
    return {
        "clips": len(motions),
        "positions_worst_mm": float(np.max(whole)),
        "constant_mm": float(np.mean(constant)),
        "constant_worst_clip_mm": float(np.max(constant)),
    }


def read_back(motion: Lifted, path: pathlib.Path, *, constant_bones: bool) -> np.ndarray:
    """Distances [F, J], mm, between joints of `motion` and of the BVH file that is written to `path`."""
    write_bvh(path, motion, constant_bones=constant_bones)
    read = read_bvh_motion(path)
    joints = [read.names.index(joint) for joint in motion.skeleton.joints]
    places = read.places(joints, np.arange(len(read.values))) * _BVH_TO_CAMERA
    return np.linalg.norm(places - motion.poses_3d, axis=-1)


def markdown(results: Mapping[str, Any]) -> str:
    """The results as tables."""
    methods = ("none", *FILTERS)
    columns = ["treadmill", "noise, mm"]
    for head in ("mean acceleration, m/s²", "distance from the poses without noise, mm"):
        columns += [head, *(f"with `{method}`" for method in FILTERS)]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for row in results["jitter"]:
        values = [row[name][method] for name in ("acceleration", "distance_mm") for method in methods]
        lines.append(f"| {row['reference']} | " + " | ".join(f"{v:.0f}" for v in (row["noise_mm"], *values)) + " |")
    lines.append("")
    lines += [
        "| written as BVH and read back | clips | with positions, largest error, mm | constant bones, mean error, mm | "
        "of the worst clip |",
        "|---" * 5 + "|",
    ]
    for row in results["bvh"]:
        lines.append(
            f"| {row['motion']} | {row['clips']} | {row['positions_worst_mm']:.4f} | {row['constant_mm']:.1f} | "
            f"{row['constant_worst_clip_mm']:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
