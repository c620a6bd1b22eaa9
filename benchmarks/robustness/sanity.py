"""Error rates of the checks without labels: python -m benchmarks.robustness.sanity [--shared=../shared/data]

The checks run on clean clips, and on the same clips with a flipped y axis, swapped arms or legs, or x and y exchanged;
on every camera's view of a clip (11 to 642 frames), and on sequences of 1,000 frames: views of one action by one
camera, joined in random order. The thresholds were chosen with the clips of both splits in view; "synthetic, fresh" has
another seed and was used only after that. Writes benchmarks/results/sanity.json.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from absl import flags

from tf_elepose.cli import commands
from tf_elepose.data import corrections
from tf_elepose.data.checks import sanity
from tf_elepose.data.recording import Recording
from tf_elepose.storage import files

FRAMES = 1000
"""Length of a joined sequence."""

_SHUFFLES = 10  # Number of random orders in which the clips of an action are joined.

FAULTS = {"flipped_y": "flipped_y", "arms": "swapped_sides", "legs": "swapped_sides", "exchanged": "lying"}
"""{fault: the test of `sanity` that must find it}."""


def define_flags() -> None:
    flags.DEFINE_string("shared", "../shared/data", "Folder of cmu_views.npz and treadmill/treadmill_views.npz.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    from tf_elepose.cli.provenance import provenance
    from tf_elepose.data.sources import load_source
    from tf_elepose.skeleton.skeletons import H36M_17

    shared = pathlib.Path(flags.FLAGS.shared)
    sources = {
        "CMU": (f"views:{shared / 'cmu_views.npz'}", {}),
        "synthetic": ("synthetic", {}),
        "synthetic, fresh": ("synthetic", {"seed": 1}),
        "treadmill": (f"views:{shared / 'treadmill' / 'treadmill_views.npz'}", {}),
    }
    rows = []
    for name, (source, options) in sources.items():
        recording = load_source(source, H36M_17, check="off", **options)
        for split in sorted(set(recording.split.tolist()), reverse=True):
            part = recording.of_split(split)
            for poses, only in _kinds(part):
                for length, views in (("clips", _views(only)), (f"{FRAMES} frames", _sequences(only))):
                    rows.append({"data": name, "split": split, "poses": poses, "length": length, **measure(views)})
                    print(rows[-1])
    results = pathlib.Path(flags.FLAGS.results)
    results.mkdir(parents=True, exist_ok=True)
    files.write_json(results / "sanity.json", {"frames": FRAMES, "rows": rows, **provenance()})
    return 0


def measure(views: Iterator[Recording]) -> dict[str, float | int]:
    """Percentages of clean `views` with any finding, and of each fault that is reported."""
    clean, reported, count = 0, dict.fromkeys(FAULTS, 0), 0
    for view in views:
        count += 1
        clean += bool(sanity.findings(view))
        for fault, expected in FAULTS.items():
            broken = _broken(view, fault)
            reported[fault] += expected in {finding.test for finding in sanity.findings(broken)}
    shares = {f"reported_{fault}": round(100 * number / count, 2) for fault, number in reported.items()}
    return {"count": count, "false_alarms": round(100 * clean / count, 2), **shares}


def _broken(view: Recording, fault: str) -> Recording:
    if fault == "exchanged":
        return dataclasses.replace(view, poses_2d=view.poses_2d[..., ::-1])
    return corrections.flip_y(view) if fault == "flipped_y" else corrections.swap_sides(view, fault)


def _kinds(recording: Recording) -> Iterator[tuple[str, Recording]]:
    """Yields each kind of 2D poses of `recording`, without the others."""
    nothing = {"poses_2d_detected": None, "confidence": None, "poses_3d": None}
    if recording.poses_2d_detected is None:
        yield "detected", dataclasses.replace(recording, poses_3d=None)
        return
    yield "gt", dataclasses.replace(recording, **nothing)
    seen = {"poses_2d": recording.poses_2d_detected, "visible": recording.view("detected").seen}
    yield "detected", dataclasses.replace(recording, **(nothing | seen))


def _views(recording: Recording) -> Iterator[Recording]:
    """Yields every camera's view of every clip."""
    for rows in _groups(recording, recording.clip):
        yield recording.select(rows)


def _sequences(recording: Recording) -> Iterator[Recording]:
    """Yields sequences of `FRAMES` rows of one camera and action, as one clip; repeats rows if there are fewer."""
    rng = np.random.default_rng(0)
    for rows in _groups(recording, recording.action):
        clips = [rows[recording.clip[rows] == clip] for clip in np.unique(recording.clip[rows])]
        for _ in range(_SHUFFLES):
            joined = np.concatenate([clips[i] for i in rng.permutation(len(clips))])
            joined = np.resize(joined, -(-len(joined) // FRAMES) * FRAMES)
            for first in range(0, len(joined), FRAMES):
                part = recording.select(joined[first : first + FRAMES])
                yield dataclasses.replace(part, clip=np.full(FRAMES, "joined"), subject=np.full(FRAMES, "someone"))


def _groups(recording: Recording, labels: np.ndarray) -> Iterator[np.ndarray]:
    for label in np.unique(labels):
        for camera in np.unique(recording.camera):
            rows = np.flatnonzero((labels == label) & (recording.camera == camera))
            if len(rows):
                yield rows


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table, in percent; a row for each kind of data."""
    lines = [
        "| data, 2D poses | views of | how many | false alarms, % | flipped y found, % | swapped arms, % | legs, % "
        "| x and y exchanged, % |",
        "|---" * 8 + "|",
    ]
    for row in results["rows"]:
        figures = (row["false_alarms"], *(row[f"reported_{fault}"] for fault in FAULTS))
        cells = [f"{row['data']} {row['split']}, {row['poses']}", row["length"], f"{row['count']:,}"]
        lines.append("| " + " | ".join(cells + [f"{value:.1f}" for value in figures]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
