"""How good the results are: python -m benchmarks.quality --table=NAME --output=DIR

Trains every row of a table with the command a user would type, one after the other, and writes what came out as JSON,
each row with date, hardware, versions and commit. Rows that are already trained in DIR are not trained again.
"""

from __future__ import annotations

import dataclasses
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from tf_elepose import commands, files


@dataclasses.dataclass(frozen=True)
class Row:
    """One trained model: a label, a config and what is changed in it."""

    label: str
    config: str
    overrides: tuple[str, ...] = ()


def _seeds(config: str, seeds: Sequence[int]) -> tuple[Row, ...]:
    return tuple(Row(f"seed {seed}", config, (f"--config.seed={seed}",)) for seed in seeds)


def _short(*changes: tuple[str, tuple[str, ...]]) -> tuple[Row, ...]:
    short = "--config.lifter.epochs=20"
    return tuple(
        Row(label, "configs/cmu.py", (short, *(f"--config.{override}" for override in overrides)))
        for label, overrides in changes
    )


def _canonpose(*changes: tuple[str, str, tuple[str, ...]]) -> tuple[Row, ...]:
    """Rows of half of the training."""
    return tuple(
        Row(label, f"configs/{config}.py", ("--config.lifter.epochs=30", *(f"--config.{o}" for o in overrides)))
        for label, config, overrides in changes
    )


_NO_C = "lifter.term_weights.camera=0.0"

TABLES: dict[str, tuple[Row, ...]] = {
    # Is the sign of the depths right whatever the seed, and how far do results spread?
    "seeds": _seeds("configs/cmu.py", range(5)),
    # The paper's main claim: predicting the camera's elevation.
    "elevation": (
        Row("elevation predicted", "configs/cmu.py"),
        Row("elevation U(-20, 20) degrees", "configs/cmu.py", ("--config.lifter.elevation=fixed",)),
    ),
    # What the defaults owe to each departure from the paper: a sixth of the training.
    "settings": _short(
        ("default", ()),
        ("bones of Human3.6M", ("bone_prior=skeleton",)),
        ("gradient not clipped, no ceiling", ("lifter.optimizer.clip_norm=0.0", "lifter.likelihood_ceiling=0.0")),
        ("no knee term", ("lifter.term_weights.knees=0.0",)),
        ("elevation U(-20, 20) degrees", ("lifter.elevation=fixed",)),
        ("the same, bones of Human3.6M", ("lifter.elevation=fixed", "bone_prior=skeleton")),
    ),
    # CanonPose's table 4: numbers of cameras, confidences, camera consistency (+C), and what fails.
    "canonpose": (
        Row("exact 2D, +C, full length", "configs/canonpose_cmu.py"),
        Row("detections, +C, full length", "configs/canonpose_cmu_detected.py"),
        *_canonpose(
            ("detections, 4 cameras, +C", "canonpose_cmu_detected", ()),
            ("detections, 4 cameras", "canonpose_cmu_detected", (_NO_C,)),
            ("detections, 3 cameras", "canonpose_cmu_detected", (_NO_C, "cameras=3")),
            ("detections, 2 cameras", "canonpose_cmu_detected", (_NO_C, "cameras=2")),
            ("detections, 4 cameras, no confidences", "canonpose_cmu_detected", (_NO_C, "lifter.confidences=False")),
            ("exact 2D, 4 cameras, +C", "canonpose_cmu", ()),
            ("exact 2D, 4 cameras", "canonpose_cmu", (_NO_C,)),
            (
                "exact 2D, direct pose equality",
                "canonpose_cmu",
                (_NO_C, "lifter.term_weights.view=0.0", "lifter.term_weights.pose_equality=1.0"),
            ),
            (
                "exact 2D, direct camera equality",
                "canonpose_cmu",
                (_NO_C, "lifter.term_weights.view=0.0", "lifter.term_weights.camera_equality=1.0"),
            ),
        ),
    ),
    # The line that unsupervised methods are held against.
    "supervised": _seeds("configs/supervised_cmu.py", range(3)),
    # Table 4 of SVMAC.
    "svmac": (
        *(Row(f"n = 2, seed {seed}", "configs/svmac_cmu.py", (f"--config.seed={seed}",)) for seed in range(3)),
        Row("without critic", "configs/svmac_cmu.py", ("--config.generator.term_weights.adversarial=0.0",)),
        Row("n = 1", "configs/svmac_cmu.py", ("--config.generator.angles=1",)),
        Row("n = 3", "configs/svmac_cmu.py", ("--config.generator.angles=3",)),
        Row("n = 2, 5 % of 3D poses", "configs/svmac_cmu.py", ("--config.supervised_share=0.05",)),
    ),
    "quickstart": (Row("quickstart", "configs/quickstart.py"),),
}

UNTIMED = {"settings", "canonpose"}
"""Tables whose rows may be trained beside other work: their seconds say nothing and are left out."""

COLUMNS = {
    "pa_mpjpe_mm": ("PA-MPJPE, mm", 1),
    "n_mpjpe_mm": ("N-MPJPE, mm", 1),
    "n_mpjpe_norm_ratio_mm": ("N-MPJPE, norm ratio, mm", 1),
    "pck_150": ("PCK@150, %", 1),
    "depth_correlation": ("Depth correlation", 3),
    "elevation_mean_deg": ("Elevation, mean, °", 1),
    "elevation_mean_true_deg": ("True mean, °", 1),
    "elevation_correlation": ("Elevation correlation", 2),
    "nll_pa_spearman": ("NLL to PA, Spearman", 2),
    "training_seconds": ("Training, s", 0),
}
"""What a row shows: {key of metrics.json: (heading, decimals)}."""


def define_flags() -> None:
    flags.DEFINE_enum("table", None, sorted(TABLES), "Which table.", required=True)
    flags.DEFINE_string("output", None, "Folder for the runs.", required=True)
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    name, output = flags.FLAGS.table, pathlib.Path(flags.FLAGS.output)
    rows = []
    for row in TABLES[name]:
        metrics = train(row, output / folder_of(row))
        if name in UNTIMED:
            metrics.pop("training_seconds", None)
        rows.append({"label": row.label, "config": row.config, "overrides": list(row.overrides), "metrics": metrics})
        print(markdown(rows), flush=True)
    results = pathlib.Path(flags.FLAGS.results)
    results.mkdir(parents=True, exist_ok=True)
    files.write_json(results / f"quality_{name}.json", {"table": name, "rows": rows})
    return 0


def train(row: Row, folder: pathlib.Path) -> dict:
    """metrics.json of a row, trained now unless it was before.

    A run that refuses to save a model because of its depths is a result too: its metrics.json says `depth_sign`. One
    that stopped before it was evaluated has {"failed": what it said}.
    """
    command = [sys.executable, "-m", "tf_elepose.train", f"--config={row.config}", f"--workdir={folder}"]
    print("$", *command[1:], *row.overrides, flush=True)
    done = subprocess.run([*command, *row.overrides], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        if "depths" not in last[0]:
            raise ValueError(f"{row.label}: training ended with status {done.returncode}: {last[0]}")
        metrics = files.read_json(folder / "metrics.json") if (folder / "metrics.json").exists() else {}
        return {"failed": last[0]} if sign_is_right(metrics) else metrics
    return files.read_json(folder / "metrics.json")


def sign_is_right(metrics: Mapping[str, Any]) -> bool:
    """Whether nothing in a row's metrics says that its depths are wrong."""
    return metrics.get("depth_sign", "unknown") in ("right", "unknown")


def markdown(rows: Sequence[dict]) -> str:
    """A table of `rows`, wrong depths named; with mean and spread where they are seeds of one thing."""
    shown = {key: value for key, value in COLUMNS.items() if any(key in row["metrics"] for row in rows)}
    lines = ["| | " + " | ".join(heading for heading, _ in shown.values()) + " |", "|---" * (len(shown) + 1) + "|"]
    for row in rows:
        metrics, label = row["metrics"], row["label"]
        if "failed" in metrics:
            lines.append(_line(label, ["failed"] + [""] * (len(shown) - 1)))
            continue
        if not sign_is_right(metrics):
            label += f" ({metrics['depth_sign']})"
        lines.append(_line(label, [f"{metrics[k]:.{d}f}" if k in metrics else "" for k, (_, d) in shown.items()]))
    if all(row["label"].startswith("seed ") for row in rows):
        lines += _spread(rows, shown)
    return "\n".join(lines)


def _spread(rows: Sequence[dict], shown: Mapping[str, tuple[str, int]]) -> list[str]:
    """Mean and standard deviation of the rows with right depths; says so when these are not all."""
    right = [row["metrics"] for row in rows if "failed" not in row["metrics"] and sign_is_right(row["metrics"])]
    if len(right) < 2:
        return []
    of = "" if len(right) == len(rows) else f" of the {len(right)} right ones"
    lines = []
    for label, function in (("mean", statistics.mean), ("standard deviation", statistics.stdev)):
        cells = [
            f"{function([m[key] for m in right]):.{max(digits, 1)}f}" if all(key in m for m in right) else ""
            for key, (_, digits) in shown.items()
        ]
        lines.append(_line(label + of, cells))
    return lines


def _line(label: str, cells: Sequence[str]) -> str:
    return f"| {label} | " + " | ".join(cells) + " |"


def folder_of(row: Row) -> str:
    """The same for the same training, whichever table it is in."""
    changes = [override.removeprefix("--config.").replace("=", "-") for override in row.overrides]
    return "_".join([pathlib.Path(row.config).stem, *sorted(c for c in changes if c != "seed-0")])


if __name__ == "__main__":
    commands.run(main, define_flags)
