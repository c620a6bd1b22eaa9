"""Put measured numbers into the pages that show them: python -m benchmarks.pages [--check]

In a page, the text between `<!-- results: NAME -->` and `<!-- end -->` is made from benchmarks/results/NAME.json. No
number there is typed by hand.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping
from typing import Any

from absl import flags

from benchmarks import inference, train_step
from benchmarks.made_with import made_with
from benchmarks.quality import page as quality_page
from benchmarks.quality import shown, uncertainty
from benchmarks.robustness import (
    batch_trials,
    detector_noise,
    fuzz_readers,
    missing_halves,
    missing_joints,
    sanity,
    serving_soak,
    sides,
)
from benchmarks.speed import batch_lift, growth, lift_speed, step_profile, time_to_accuracy, workers
from benchmarks.studies import (
    body_size,
    canonpose_treadmill,
    convert,
    denoising,
    morphing,
    motion_files,
    pretrained,
    side_repair,
)
from tf_elepose.cli import commands
from tf_elepose.pretrained import pretrained_models
from tf_elepose.storage import files

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = (
    "README.md",
    "docs/canonpose.md",
    "docs/data.md",
    "docs/lift.md",
    "docs/links.md",
    "docs/motion_files.md",
    "docs/performance.md",
    "docs/pretrained.md",
    "docs/scale.md",
    "docs/serving.md",
    "docs/svmac.md",
    "docs/training.md",
)
_TABLES = {
    "batch_lift": batch_lift.markdown,
    "batch_trials": batch_trials.markdown,
    "body_size": body_size.markdown,
    "canonpose_treadmill": canonpose_treadmill.markdown,
    "convert": convert.markdown,
    "denoising": denoising.markdown,
    "detector_noise": detector_noise.markdown,
    "fuzz_readers": fuzz_readers.markdown,
    "growth": growth.markdown,
    "inference": inference.markdown,
    "lift_speed": lift_speed.markdown,
    "morphing": morphing.markdown,
    "motion_files": motion_files.markdown,
    "pretrained": pretrained.markdown,
    "sanity": sanity.markdown,
    "serving_soak": serving_soak.markdown,
    "side_repair": side_repair.markdown,
    "sides": sides.markdown,
    "step_profile": step_profile.markdown,
    "time_to_accuracy": time_to_accuracy.markdown,
    "train_step": train_step.markdown,
    "workers": workers.markdown,
}
UNMEASURED = {
    "train_step": "benchmarks.train_step",
    "step_profile": "benchmarks.speed.step_profile",
    "inference": "benchmarks.inference",
    "growth": "benchmarks.speed.growth",
    "time_to_accuracy": "benchmarks.speed.time_to_accuracy",
}
"""By the results' name, commands whose results may be missing: they need a quiet machine, and PyTorch beside it."""

_BLOCK = re.compile(r"(<!-- results: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def define_flags() -> None:
    flags.DEFINE_boolean("check", False, "Only report whether the pages are up to date; change nothing.")


def main(argv: list[str]) -> int:
    del argv
    outdated = []
    for page in PAGES:
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        made = fill(text)
        if made != text:
            outdated.append(page)
            if not flags.FLAGS.check:
                files.write_text(path, made)
    for name, made in {**cards(), "docs/results.md": quality_page.page(ROOT, block)}.items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != made:
            outdated.append(name)
            if not flags.FLAGS.check:
                files.write_text(path, made)
    if outdated and flags.FLAGS.check:
        raise ValueError(f"{', '.join(outdated)}: not what benchmarks/results says; run python -m benchmarks.pages")
    print("up to date" if not outdated else f"written: {', '.join(outdated)}")
    return 0


def cards() -> dict[str, str]:
    """The model cards of the packaged models: {path from the root: text}."""
    results = files.read_json(ROOT / "benchmarks" / "results" / "pretrained.json")
    made = {}
    for name, folder in pretrained_models().items():
        card = pretrained.card(results, name, files.read_json(folder / "metadata.json"))
        made[f"tf_elepose/pretrained/{name}/MODEL_CARD.md"] = f"{card}\n{made_with([results])}\n"
    return made


def fill(text: str) -> str:
    """`text` in which every block is made anew from its results."""
    return _BLOCK.sub(lambda match: match[1] + block(match[2]) + match[4], text)


def block(name: str) -> str:
    """The part of a page that shows the results `name`.

    Raises:
      ValueError: there is no such file, unless the results are in `UNMEASURED`, or no page can show it.
    """
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    if name in UNMEASURED and not path.exists():
        return f"Not measured yet: `python -m {UNMEASURED[name]}`.\n"
    results = files.read_json(path)
    if "table" in results:
        return f"{shown.markdown(results)}\n\n{shown.made(results)}\n"
    if "uncertainty" in results:
        return f"{uncertainty.markdown(results)}\n\n{uncertainty.made(results)}\n"
    if "missing_joints" in results:
        rows = results["missing_joints"]
        return f"{missing_joints.markdown(rows)}\n\n{made_with([row['trained'] for row in rows])}\n"
    if "missing_halves" in results:
        rows = results["missing_halves"]
        return f"{missing_halves.markdown(rows)}\n\n{made_with([row['trained'] for row in rows])}\n"
    if name in _TABLES:
        return f"{_TABLES[name](results)}\n\n{made_with([results])}\n"
    if "kills" in results:
        return f"{killed(results)}\n\n{made_with([results])}\n"
    raise ValueError(f"{path}: no page knows how to show it")


def killed(results: Mapping[str, Any]) -> str:
    """The results of `benchmarks.robustness.kill_resume` as a table."""
    rows = {
        "Kills": len(results["kills"]),
        "of these in the middle of writing a checkpoint": results["kills_during_write"],
        "Resumed from the newest whole checkpoint": results["resumed"],
        "Half-written files left over": len(results["leftovers"]),
        "Log lines written twice": results["repeated_log_lines"],
        "Largest difference of a weight from the uninterrupted run, relative to the largest of its array":
            f"{results['largest_relative_difference']:.2g}",
    }  # fmt: skip
    if "peak_memory_gb" in results:
        rows[f"Peak memory of a training of `{results['memory_config']}`"] = f"{results['peak_memory_gb']:.2f} GB"
    return "\n".join(["| | |", "|---|---|", *(f"| {label} | {value} |" for label, value in rows.items())])


if __name__ == "__main__":
    commands.run(main, define_flags)
