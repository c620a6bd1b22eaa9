"""Errors with missing joints: python -m benchmarks.robustness.missing_joints --output=DIR

Trains configs/cmu.py on complete poses and on poses with a fifth of the joints hidden at random, with the command a
user would type, and evaluates both with 0 to 6 joints hidden in every test pose, and with a fifth. Writes
benchmarks/results/missing_joints.json and docs/figures/missing_joints.png. Models that are already in DIR are not
trained again.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from benchmarks.quality import Row, folder_of, train
from tf_elepose.cli import commands
from tf_elepose.storage import files

SHARE = 0.2
"""Share of the joints that are hidden at random in training and test."""

ROWS = (
    Row("trained on complete poses", "configs/cmu.py"),
    Row("trained with a fifth of the joints hidden", "configs/cmu.py", (f"--config.hidden_joints={SHARE}",)),
)

HIDDEN = (0, 1, 2, 3, 4, 5, 6, SHARE)
"""Numbers of joints hidden in every test pose; a share hides each joint with that probability."""

FIGURE = "docs/figures/missing_joints.png"


def define_flags() -> None:
    flags.DEFINE_string("output", None, "Folder for the runs.", required=True)
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    output = pathlib.Path(flags.FLAGS.output)
    rows = []
    for row in ROWS:
        folder = output / folder_of(row)
        trained = train(row, folder)
        for hidden in HIDDEN:
            measured = evaluate(folder, hidden)
            rows.append({"label": row.label, "hidden": hidden, "trained": trained, "metrics": measured})
            print(row.label, hidden, measured["pa_mpjpe_mm"], flush=True)
    files.write_json(pathlib.Path(flags.FLAGS.results) / "missing_joints.json", {"missing_joints": rows})
    draw(rows, pathlib.Path(FIGURE))
    return 0


def evaluate(folder: pathlib.Path, hidden: float) -> dict[str, Any]:
    """metrics.json of the model in `folder` on test poses with `hidden` joints hidden."""
    written = folder / f"hidden_{hidden}.json"
    command = [sys.executable, "-m", "tf_elepose.evaluate", f"--workdir={folder}", f"--hidden_joints={hidden}"]
    subprocess.run([*command, "--likelihood_views=0", f"--output={written}"], check=True, stdout=subprocess.DEVNULL)
    return {key: value for key, value in files.read_json(written).items() if key != "model"}  # A path on this machine.


def draw(rows: Sequence[Mapping[str, Any]], path: pathlib.Path) -> None:
    """Draws PA-MPJPE over the number of hidden joints for each model; for the first, also of seen and hidden joints."""
    from matplotlib.figure import Figure

    from tf_elepose.report import figures

    with figures.style():
        figure = Figure(figsize=(figures.WIDTH, 3.4), layout="constrained")
        axis = figure.subplots()
        looks = {ROWS[0].label: (figures.LEFT, "-", "o"), ROWS[1].label: (figures.RIGHT, "--", "s")}
        for label, (color, line, marker) in looks.items():
            curve = [row for row in rows if row["label"] == label and row["hidden"] in range(7)]
            counts = [row["hidden"] for row in curve]
            axis.plot(
                counts, _values(curve, "pa_mpjpe_mm"), line, color=color, marker=marker, label=f"all joints, {label}"
            )
        curve = [row for row in rows if row["label"] == ROWS[0].label and row["hidden"] in range(1, 7)]
        counts = [row["hidden"] for row in curve]
        for key, name, line in (("hidden", "hidden joints", ":"), ("seen", "seen joints", "-.")):
            values = _values(curve, f"pa_mpjpe_{key}_mm")
            axis.plot(counts, values, line, color=figures.MUTED, label=f"{name}, {ROWS[0].label}")
        axis.set(xlabel="joints hidden in every test pose, of 17", ylabel="PA-MPJPE, mm", ylim=(0, None))
        axis.legend(loc="lower right")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)


def _values(rows: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    return [row["metrics"][key] for row in rows]


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The results as a table: a column for each model, a row for each number of hidden joints, errors in mm."""
    labels = list(dict.fromkeys(row["label"] for row in rows))
    found = {(row["label"], row["hidden"]): row["metrics"] for row in rows}
    lines = [
        "| PA-MPJPE, mm (seen / hidden joints) | " + " | ".join(labels) + " |",
        "|---" * (len(labels) + 1) + "|",
    ]
    for hidden in dict.fromkeys(row["hidden"] for row in rows):
        name = (
            f"{hidden} of 17 joints hidden" if hidden == int(hidden) else f"{100 * hidden:.0f} % of the joints hidden"
        )
        lines.append(f"| {name} | " + " | ".join(_cell(found[label, hidden]) for label in labels) + " |")
    return "\n".join(lines)


def _cell(metrics: Mapping[str, Any]) -> str:
    text = f"{metrics['pa_mpjpe_mm']:.1f}"
    if "pa_mpjpe_hidden_mm" in metrics:
        text += f" ({metrics['pa_mpjpe_seen_mm']:.1f} / {metrics['pa_mpjpe_hidden_mm']:.1f})"
    return text


if __name__ == "__main__":
    commands.run(main, define_flags)
