"""A detector's errors before and after denoising over time: python -m benchmarks.studies.denoising

Compares the simulated detections of ../shared/data/cmu_views.npz with the exact 2D poses, with and without the
detector's confidences, and with every second frame left out; also denoises the exact poses, which should not change.
Writes benchmarks/results/denoising.json.
"""

from __future__ import annotations

import dataclasses
import pathlib
import time
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
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    recording = load_source(flags.FLAGS.data, H36M_17, check="off")
    found = {"rows": measure(recording), **provenance()}
    files.write_json(pathlib.Path(flags.FLAGS.results) / "denoising.json", found)
    print(markdown(found))
    return 0


def measure(recording: Recording) -> list[dict[str, Any]]:
    """Errors in px before and after, of all joints of all poses of `recording`."""
    halved = recording.select(recording.frame // 2 % 2 == 0)
    exact = dataclasses.replace(recording, poses_2d_detected=recording.poses_2d)
    return [
        _row("detections, with confidences", recording, recording.confidence),
        _row("detections, without", recording, None),
        _row("the same, of every second picture", halved, None),
        _row("exact poses", exact, None),
    ]


def _row(label: str, recording: Recording, confidence: np.ndarray | None) -> dict[str, Any]:
    given, started = recording.poses_2d_detected, time.monotonic()
    assert given is not None
    keypoints = Keypoints(given, np.ones(given.shape[:2], bool), confidence)
    found = denoise(keypoints, recording.tracks, recording.frame)
    row: dict[str, Any] = {"label": label, "poses": len(given), "seconds": time.monotonic() - started}
    for when, poses in (("before", given), ("after", found.pixels)):
        distance = np.linalg.norm(poses - recording.poses_2d, axis=-1)
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
        cells = [f"{row['poses']:,}", *(f"{value:.1f}" for value in (*mean, *most)), f"{row['seconds']:.0f}"]
        lines.append(f"| {row['label']} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
