"""Swaps that `--sides=repair` finds, and its mistakes: python -m benchmarks.studies.side_repair

In every track of ../shared/data/cmu_views.npz legs, arms or both are swapped in a run of 5 to 60 frames, at a place
that depends on the seed. In the unchanged tracks, every change is a mistake. The same is measured with fewer frames a
second. In the treadmill recording, four synchronised cameras show which poses a detector swapped. Writes
benchmarks/results/side_repair.json.
"""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import flags

from benchmarks.studies import treadmill
from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.data.corrections import side_order
from tf_elepose.data.recording import Recording
from tf_elepose.data.sources import load_source
from tf_elepose.data.tracks.side_repair import LIMBS, repair_sides
from tf_elepose.evaluation.alignment import procrustes
from tf_elepose.skeleton.skeletons import get_skeleton
from tf_elepose.storage import files

SEEDS = (11, 12)
"""Seeds of the runs; other seeds were used when the constants were chosen."""

SETTINGS = {
    ("gt", 1): "CMU clips, exact keypoints",
    ("detected", 1): "the same with a simulated detector",
    ("detected", 2): "the detector's, every second frame only",
    ("detected", 4): "the detector's, every fourth",
}

TURN_DEGREES = 60.0
"""If shoulders and hips both turn by more from one frame to the next, the body looks like one with swapped sides."""

_SHORTEST_RUN, _LONGEST_RUN, _MOST_OF_TRACK = 5, 60, 0.4

_FEWEST_KEPT = 20  # Fewest frames of a track when only every n-th is used; shorter tracks are left out.


def define_flags() -> None:
    flags.DEFINE_string("data", "views:../shared/data/cmu_views.npz", "Clips with true 3D poses and detections.")
    flags.DEFINE_string("treadmill", treadmill.SOURCE, "Recording of a person by four cameras.")
    flags.DEFINE_list(
        "seeds", [str(seed) for seed in SEEDS], "Seeds for the choice of the frames in which sides are swapped."
    )
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    recording = load_source(options.data, get_skeleton("h36m_17"), check="off")
    by_track = tracks(recording)
    turning = [bool(np.max(turns(recording, rows), initial=0.0) > TURN_DEGREES) for rows in by_track]
    rows = []
    for kind, every in SETTINGS:
        for seed in map(int, options.seeds):
            rows.append({"poses": kind, "every": every, **measure(recording, kind, every, seed, by_track, turning)})
            print(rows[-1], flush=True)
    clips = {(recording.subject[track[0]], recording.clip[track[0]]) for track in _where(by_track, turning)}
    began = time.perf_counter()
    rows_swapped(_best(recording, "detected"))
    speed = {"poses": len(recording), "seconds": time.perf_counter() - began}
    walked = of_treadmill(treadmill.load(options.treadmill))
    print(walked, speed)
    results = {"rows": rows, "turning_clips": len(clips), "treadmill": walked, "speed": speed, **provenance()}
    files.write_json(pathlib.Path(options.results) / "side_repair.json", results)
    return 0


def tracks(recording: Recording) -> list[np.ndarray]:
    """Rows of every clip and camera, in the order of the frames."""
    labels = [np.unique(values, return_inverse=True)[1] for values in (recording.subject, recording.clip)]
    labels = np.unique(np.stack([*labels, recording.camera], axis=-1), axis=0, return_inverse=True)[1].reshape(-1)
    order = np.lexsort((recording.frame, labels))
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def turns(recording: Recording, rows: np.ndarray) -> np.ndarray:
    """Angles [n - 1], degrees, of shoulders and hips from one of `rows` [n] to the next; the smaller of both."""
    assert recording.poses_3d is not None  # `main` loads views with 3D poses.
    skeleton, found = recording.skeleton, []
    for limbs in (skeleton.arms, skeleton.legs):
        left, right = skeleton.indices([limb[0] for limb in limbs])
        across = recording.poses_3d[rows, left].astype(np.float64) - recording.poses_3d[rows, right]
        across /= np.linalg.norm(across, axis=-1, keepdims=True)
        found.append(np.degrees(np.arccos(np.clip((across[1:] * across[:-1]).sum(axis=-1), -1.0, 1.0))))
    return np.minimum(*found)


def measure(
    recording: Recording, kind: str, every: int, seed: int, by_track: Sequence[np.ndarray], turning: Sequence[bool]
) -> dict[str, Any]:
    """Percent of frames changed by mistake, with and without `turning` tracks, and percent of runs found.

    A run counts as found if the repaired poses are wrong in at most two frames, or in a tenth of the run's frames.

    Args:
      recording: poses with unchanged sides.
      kind: "gt" or "detected".
      every: uses every n-th frame.
      seed: seed of the runs.
      by_track: rows of each track.
      turning: [tracks] see `TURN_DEGREES`.
    """
    kept = [len(rows) >= _FEWEST_KEPT * every or every == 1 for rows in by_track]
    parts = [rows[::every] for rows in _where(by_track, kept)]
    part = _best(recording.select(np.concatenate(parts)), kind)
    starts = np.cumsum([0, *map(len, parts)])
    mistaken = np.any(rows_swapped(part), axis=1)
    unsound = np.repeat(_where(turning, kept), [len(rows) for rows in parts])
    swaps = np.zeros((len(part), len(LIMBS)), bool)
    runs = []
    rng = np.random.default_rng(seed)
    for first, rows in zip(starts[:-1], parts, strict=True):
        longest = min(_LONGEST_RUN, int(_MOST_OF_TRACK * len(rows)))
        if longest < _SHORTEST_RUN:
            continue
        length = int(rng.integers(_SHORTEST_RUN, longest + 1))
        start = first + int(rng.integers(0, len(rows) - length + 1))
        limbs = ([0], [1], [0, 1])[rng.integers(3)]
        swaps[np.ix_(np.arange(start, start + length), limbs)] = True
        runs.append((first, first + len(rows), length))
    wrong = np.any(rows_swapped(swapped(part, swaps)) ^ swaps, axis=1)
    found = [wrong[first:last].sum() <= max(2.0, 0.1 * length) for first, last, length in runs]
    return {
        "seed": seed, "frames": len(part), "runs": len(runs),
        "changed_percent": 100.0 * float(mistaken.mean()),
        "changed_sound_percent": 100.0 * float(mistaken[~unsound].mean()),
        "found_percent": 100.0 * float(np.mean(found)),
    }  # fmt: skip


def rows_swapped(recording: Recording) -> np.ndarray:
    """Mask [N, 2] of the rows in which the repair swaps `LIMBS` of the best 2D poses."""
    return repair_sides(recording.view("gt"), recording.tracks, recording.frame, recording.skeleton)[1]


def swapped(recording: Recording, swaps: np.ndarray) -> Recording:
    """`recording`, which has one kind of 2D poses, with `LIMBS` swapped where `swaps` [N, 2] is true."""
    changed = {name: np.array(getattr(recording, name)) for name in ("poses_2d", "visible")}
    for limbs, rows in zip(LIMBS, swaps.T, strict=True):
        order = list(side_order(recording.skeleton, limbs, recording.source))
        for values in changed.values():
            values[rows] = values[rows][:, order]
    return dataclasses.replace(recording, **changed)


def of_treadmill(walker: treadmill.Treadmill) -> dict[str, Any]:
    """Numbers of poses and cameras with swapped sides, and for each of `LIMBS` the swaps that were found and missed.

    The agreement of the four views shows which poses are swapped. Changes of other poses are mistaken.
    """
    truth = np.stack([mirrored(view, places) for view, places in zip(walker.views, _in_cameras(walker), strict=True)])
    repaired = np.stack([rows_swapped(view) for view in walker.views])
    counts = {
        limbs: {
            "found": int((changed & truth).sum()),
            "missed": int((~changed & truth).sum()),
            "mistaken": int((changed & ~truth).sum()),
        }
        for limbs, changed in zip(LIMBS, np.moveaxis(repaired, -1, 0), strict=True)
    }
    return {"poses": truth.size, "swapped": int(truth.sum()), "cameras": int(truth.any(axis=1).sum()), **counts}


def mirrored(view: Recording, poses_3d: np.ndarray) -> np.ndarray:
    """Mask [F] of the frames whose left joints are on the side of the right joints of `poses_3d` [F, J, 3]."""
    mirror = list(view.skeleton.mirror)
    seen = view.poses_2d - view.poses_2d[:, mirror]
    there = poses_3d[..., :2] - poses_3d[:, mirror, :2]
    return (seen * there).sum(axis=(1, 2)) < 0


def _in_cameras(walker: treadmill.Treadmill) -> np.ndarray:
    """The agreeing poses [4, F, J, 3] in each camera's frame, rotated there as the given poses are."""
    points = walker.agreeing.shape[0] * walker.agreeing.shape[1]
    both = np.concatenate([walker.given[0].reshape(-1, 3), walker.agreeing.reshape(-1, 3)])
    moved = [
        procrustes(both, np.tile(given.reshape(-1, 3), (2, 1)), fitted=slice(points))[points:] for given in walker.given
    ]
    return np.stack(moved).reshape(walker.given.shape)


def _best(recording: Recording, kind: str) -> Recording:
    """A recording with the 2D poses "gt" or "detected" only."""
    alone = {"poses_2d_detected": None, "confidence": None, "poses_3d": None}
    view = recording.view(kind)
    return dataclasses.replace(recording, poses_2d=view.pixels, visible=view.seen, **alone)


def _where(values: Sequence[Any], chosen: Sequence[bool]) -> list[Any]:
    return [value for value, take in zip(values, chosen, strict=True) if take]


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table, and sentences on the treadmill and on speed."""
    lines = ["| | frames changed by mistake | swaps of 5 to 60 frames found |", "|---|---|---|"]
    for (kind, every), label in SETTINGS.items():
        rows = [row for row in results["rows"] if (row["poses"], row["every"]) == (kind, every)]
        sound, changed, found = (
            [row[f"{name}_percent"] for row in rows] for name in ("changed_sound", "changed", "found")
        )
        lines.append(f"| {label} | {sound[0]:.2f} % ({changed[0]:.2f} %) | {_range(found)} |")
    lines += ["", f"Clips left out of the first number: {results['turning_clips']}. {_walked(results['treadmill'])}"]
    speed = results["speed"]
    return "\n".join([*lines, "", f"Repairing the {speed['poses']:,} poses took {speed['seconds']:.1f} s."])


def _range(values: Sequence[float]) -> str:
    low, high = (f"{value:.0f}" for value in (min(values), max(values)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def _walked(row: Mapping[str, Any]) -> str:
    text = "; ".join(
        f"{limbs}: {row[limbs]['found']} of these found, {row[limbs]['mistaken']} other poses changed by mistake"
        for limbs in LIMBS
    )
    return (
        f"On the treadmill all sides are swapped in {row['swapped']} of {row['poses']} poses, which are from "
        f"{row['cameras']} of the four cameras. {text}."
    )


if __name__ == "__main__":
    commands.run(main, define_flags)
