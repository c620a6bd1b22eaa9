"""A detector's errors before and after denoising over time: python -m benchmarks.studies.denoising

Compares the simulated detections of ../shared/data/cmu_views.npz with the exact 2D poses: with and without the
detector's confidences, with joints that the detector does not find (confidence 0, NaN pixels), and with every second
frame left out; also denoises the exact poses, which should not change. `--video` adds the test clips of other files of
views, here the same motion at 30 frames/s with errors that are drawn anew in every frame or that last 0.14 s, as
../shared/tools/make_views.py writes them with --noise=white and --noise=ou. Nothing was chosen on these clips.
Writes benchmarks/results/denoising.json.
"""

from __future__ import annotations

import dataclasses
import pathlib
import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.recording import Recording
from tf_elepose.data.sources import load_source
from tf_elepose.data.tracks.denoising import denoise
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files


def define_flags() -> None:
    flags.DEFINE_string("data", "views:../shared/data/cmu_views.npz", "Views with exact and detected 2D poses.")
    flags.DEFINE_list(
        "video", [], "More files of views, each with its label before a =, such as white=views:white.npz."
    )
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    rows = measure(load_source(flags.FLAGS.data, H36M_17, check="off"))
    for labelled in flags.FLAGS.video:
        label, _, source = labelled.partition("=")
        clips = load_source(source, H36M_17, check="off").of_split("test")
        rows += [_row(f"{label}, {_shares(hidden)}", clips, clips.confidence, hidden) for hidden in HIDDEN]
    found = {"rows": rows, **provenance()}
    files.write_json(pathlib.Path(flags.FLAGS.results) / "denoising.json", found)
    print(markdown(found))
    return 0


HIDDEN = (0.0, 0.05, 0.2)
"""Shares of the joints that the detector does not find."""


def measure(recording: Recording) -> list[dict[str, Any]]:
    """Errors in px before and after, of all joints that are seen in all poses of `recording`."""
    halved = recording.select(recording.frame // 2 % 2 == 0)
    exact = dataclasses.replace(recording, poses_2d_detected=recording.poses_2d)
    return [
        *(
            _row(f"detections, {label}{f', {_shares(hidden)}' if hidden else ''}", recording, confidence, hidden)
            for label, confidence in (("with confidences", recording.confidence), ("without", None))
            for hidden in HIDDEN
        ),
        _row("the same, of every second picture", halved, None),
        _row("exact poses", exact, None),
    ]


def _shares(hidden: float) -> str:
    return f"{100 * hidden:.0f} % hidden"


def _row(label: str, recording: Recording, confidence: np.ndarray | None, hidden: float = 0.0) -> dict[str, Any]:
    given, seen = recording.poses_2d_detected, np.random.default_rng(0).random(recording.poses_2d.shape[:2]) >= hidden
    assert given is not None
    keypoints = Keypoints(
        np.where(seen[..., np.newaxis], given, np.nan),
        seen,
        None if confidence is None else np.where(seen, confidence, 0),
    )
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # No warning may reach the user.
        found = denoise(keypoints, recording.tracks, recording.frame)
    row: dict[str, Any] = {"label": label, "poses": len(given), "seconds": time.monotonic() - started}
    row["noise_percent"] = [100.0 * float(found.noise.min()), 100.0 * float(found.noise.max())]
    for when, poses in (("before", given), ("after", found.pixels)):
        distance = np.linalg.norm(poses - recording.poses_2d, axis=-1)[seen]
        row[when] = {"mean_px": float(distance.mean()), "percentile_99_px": float(np.percentile(distance, 99))}
    return row


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    lines = [
        "| | poses | error before, px | after, px | 99th percentile before, px | after, px | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        mean, most = ([row[when][key] for when in ("before", "after")] for key in ("mean_px", "percentile_99_px"))
        cells = [f"{row['poses']:,}", *(f"{value:.2f}" for value in mean), *(f"{value:.1f}" for value in most)]
        cells.append(f"{row['seconds']:.0f}")
        lines.append(f"| {row['label']} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
