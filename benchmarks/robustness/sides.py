"""Measures what `--sides=repair` changes: python -m benchmarks.robustness.sides --data=LABEL=SOURCE

Takes the clips of files of views, such as those of ../shared/tools/make_views.py (world motion at 30 frames/s in four
cameras a clip, so that people are seen from all sides; --noise=none, white or ou). Measured are the frames that are
changed although nobody swapped them: in the clips as they are, and after a drift, in which a limb is swapped for a few
frames and then moves back to its place in a few more. And the share of swapped frames that are found, by the length of
the swap and by its limbs, with all joints and with a tenth missing. The constants of drifts were chosen on the subjects
`TUNED_ON`, which are left out here; docs/lift.md says which rules were added after a look at the others. Writes
benchmarks/results/sides.json.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import flags

from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.data.corrections import side_order
from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.recording import Recording
from tf_elepose.data.sources import load_source
from tf_elepose.data.tracks.side_repair import LIMBS, repair_sides
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton
from tf_elepose.storage import files

TUNED_ON = ("S01", "S02")

LENGTHS = (5, 10, 20, 40, 60)
"""Frames of a swap."""

DRIFTS = ((4, 3), (4, 5), (8, 3))
"""Frames of a swap and of the way back after it."""

SWAPS: dict[str, tuple[str, ...]] = {"legs": ("legs",), "arms": ("arms",), "both": LIMBS}

PEOPLE = {"facing": "people who face the camera or turn their backs on it", "others": "the others"}

_KEPT = 15  # Frames before and after a swap at least: a limb that is swapped for most of a track is right.


def define_flags() -> None:
    flags.DEFINE_list("data", [], "Files of views, each with its label before a =, such as exact=views:exact.npz.")
    flags.DEFINE_integer("seed", 21, "Seed of the places of swaps.")
    flags.DEFINE_bool("tuning", False, "Look at the subjects of TUNED_ON instead of the others, and write nothing.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    options, found = flags.FLAGS, {}
    for labelled in options.data:
        label, _, source = labelled.partition("=")
        recording = load_source(source, H36M_17, check="off")
        recording = recording.select(np.isin(recording.subject, TUNED_ON) == options.tuning)
        found[label] = measure(recording, options.seed)
        print(markdown({"data": {label: found[label]}}), flush=True)
    if not options.tuning:
        files.write_json(pathlib.Path(options.results) / "sides.json", {"data": found, **provenance()})
    return 0


def measure(recording: Recording, seed: int) -> dict[str, Any]:
    """Measures the percentage of right frames changed, and of swapped frames found, in the 2D poses of `recording`."""
    detected = recording.poses_2d_detected is not None
    view, tracks, skeleton = recording.view("detected" if detected else "gt"), recording.tracks, recording.skeleton
    order = np.lexsort((recording.frame, tracks))
    view, tracks, frames = view.select(order), tracks[order], recording.frame[order]
    of_tracks = np.split(np.arange(len(tracks)), np.flatnonzero(np.diff(tracks)) + 1)
    facing = _facing(recording)[order]

    def changed(poses: np.ndarray, seen: np.ndarray) -> np.ndarray:
        return repair_sides(Keypoints(poses, seen), tracks, frames, skeleton)[1]

    clean = changed(view.pixels, view.seen)
    thinned = np.random.default_rng(seed).random(view.seen.shape) >= 0.1
    found: dict[str, Any] = {"frames": len(view), "tracks": len(of_tracks)}
    found["clean"] = {"complete": _percent(_either(clean))}
    found["clean"]["a tenth of the joints missing"] = _percent(_either(changed(view.pixels, thinned)))
    found["drift"] = []
    for limbs in SWAPS:
        for swap, back in DRIFTS:
            swaps, right = _places(of_tracks, (swap, back), seed)
            poses = swapped(view.pixels, swaps[:, 0], limbs, skeleton)
            poses = blended(poses, swaps[:, 1], of_tracks, limbs, skeleton)
            moved = _either(swaps)
            wrong = _either(changed(poses, view.seen) & ~clean) & ~moved
            frontal = [bool(facing[rows][moved[rows]].all()) for rows in of_tracks]
            for kind, rows in zip(PEOPLE, (frontal, [not one for one in frontal]), strict=True):
                of_kind = [track for track, one, used in zip(of_tracks, rows, right, strict=True) if one and used]
                counts = [int(wrong[track].sum()) for track in of_kind]
                found["drift"].append(
                    {"limbs": limbs, "swap": swap, "back": back, "people": kind, "runs": len(of_kind),
                     "right_changed": sum(counts), "runs_with_such": int(np.count_nonzero(counts))}
                )  # fmt: skip
    found["swaps"] = []
    for kind, seen in (("complete", view.seen), ("a tenth of the joints missing", thinned)):
        for limbs, names in SWAPS.items():
            for length in LENGTHS:
                rows = _places(of_tracks, (length, 0), seed + length)[0][:, 0]
                truth = np.zeros((len(rows), len(LIMBS)), bool)
                for name in names:
                    truth[rows, LIMBS.index(name)] = True
                got = changed(swapped(view.pixels, rows, limbs, skeleton), swapped(seen, rows, limbs, skeleton))
                good = ~_either(got ^ truth)
                found["swaps"].append(
                    {"joints": kind, "limbs": limbs, "length": length, "swapped": int(rows.sum()),
                     "found_percent": _percent(good[rows]), "right_changed_percent": _percent(~good[~rows])}
                )  # fmt: skip
    return found


def _facing(recording: Recording) -> np.ndarray:
    """Mask [N] of the rows whose hips and shoulders are within 45 degrees of the picture plane."""
    assert recording.poses_3d is not None  # Files of views have them.
    found = np.ones(len(recording), bool)
    for chains in (recording.skeleton.legs, recording.skeleton.arms):
        left, right = recording.skeleton.indices([chain[0] for chain in chains])
        across = recording.poses_3d[:, left] - recording.poses_3d[:, right]
        found &= np.abs(across[:, 0]) > np.abs(across[:, 2])
    return found


def swapped(values: np.ndarray, rows: np.ndarray, limbs: str, skeleton: Skeleton) -> np.ndarray:
    """Exchanges left and right of `values` [N, J, ...] in the mask `rows` [N]."""
    out = np.array(values)
    for name in SWAPS[limbs]:
        out[rows] = out[rows][:, list(side_order(skeleton, name, skeleton.name))]
    return out


def blended(
    poses: np.ndarray, rows: np.ndarray, of_tracks: Sequence[np.ndarray], limbs: str, skeleton: Skeleton
) -> np.ndarray:
    """Moves limbs of `poses` evenly from swapped to right in the mask `rows` [N], which has one run in each track."""
    other, out = swapped(poses, rows, limbs, skeleton), np.array(poses)
    for track in of_tracks:
        run = track[rows[track]]
        share = ((len(run) - np.arange(len(run))) / (len(run) + 1))[:, np.newaxis, np.newaxis]
        out[run] = (1 - share) * poses[run] + share * other[run]
    return out


def _places(of_tracks: Sequence[np.ndarray], lengths: Sequence[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks [N, len(lengths)] of runs that follow each other at a random place of each track that is long enough, and
    [tracks] of these.
    """
    rng = np.random.default_rng(seed)
    mask, used = np.zeros((sum(map(len, of_tracks)), len(lengths)), bool), np.zeros(len(of_tracks), bool)
    for number, rows in enumerate(of_tracks):
        room = len(rows) - sum(lengths) - 2 * _KEPT
        if room <= 0 or len(rows) < 2.5 * sum(lengths):
            continue
        used[number], start = True, _KEPT + int(rng.integers(room))
        for column, length in enumerate(lengths):
            mask[rows[start : start + length], column] = True
            start += length
    return mask, used


def _either(mask: np.ndarray) -> np.ndarray:
    return mask[:, 0] | mask[:, 1]


def _percent(mask: np.ndarray) -> float:
    return 100.0 * float(mask.mean()) if len(mask) else 0.0


def markdown(results: Mapping[str, Any]) -> str:
    """The results as three tables."""
    kinds = results["data"].items()
    lines = ["| clips | frames | right frames changed | with a tenth of the joints missing |", "|---|---|---|---|"]
    for label, row in kinds:
        complete, thinned = row["clean"].values()
        lines.append(f"| {label} | {row['frames']:,} | {complete:.3f} % | {thinned:.3f} % |")
    lines += ["", f"| after a drift of | {' | '.join(SWAPS)} |", "|---|" + "---|" * len(SWAPS)]
    for label, row in kinds:
        for people, described in PEOPLE.items():
            cells = []
            for limbs in SWAPS:
                drifts = [one for one in row["drift"] if (one["limbs"], one["people"]) == (limbs, people)]
                runs, right, such = (
                    sum(one[key] for one in drifts) for key in ("runs", "right_changed", "runs_with_such")
                )
                cells.append(f"{right:,} frames in {such} of {runs} runs")
            lines.append(f"| {label}, {described} | {' | '.join(cells)} |")
    head = " | ".join(f"{length} frames" for length in LENGTHS)
    lines += ["", f"| clips | joints | swapped | {head} | right frames changed |", "|---|---|---|" + "---|" * 6]
    for label, row in kinds:
        for joints in row["clean"]:
            for limbs in SWAPS:
                swaps = [one for one in row["swaps"] if (one["joints"], one["limbs"]) == (joints, limbs)]
                text = " | ".join(f"{one['found_percent']:.1f} %" for one in swaps)
                most = max(one["right_changed_percent"] for one in swaps)
                lines.append(f"| {label} | {joints} | {limbs} | {text} | {most:.2f} % |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
