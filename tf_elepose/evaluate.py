"""Evaluate a trained model: python -m tf_elepose.evaluate --workdir=DIR [--data=SOURCE] [--split=test]

Prints a table; --output writes metrics.json, --figures an HTML report with its figures.
"""

from __future__ import annotations

import json
import pathlib
import sys

from absl import flags

from tf_elepose import commands


def define_flags() -> None:
    flags.DEFINE_string("workdir", None, "Folder of a finished run.", required=True)
    flags.DEFINE_string("data", None, "SOURCE to evaluate on; the training's when not given.")
    flags.DEFINE_string("split", "test", "Split of the data.")
    flags.DEFINE_enum("poses_2d", None, ["gt", "detected"], "Which 2D poses; the training's when not given.")
    flags.DEFINE_string("output", None, "File for the figures as JSON.")
    flags.DEFINE_string("figures", None, "Folder for the HTML report and its figures.")
    flags.DEFINE_integer("likelihood_views", None, "Projections a pose's likelihood is averaged over (100).")
    flags.DEFINE_integer("seed", 0, "Seed of those projections.")


def main(argv: list[str]) -> int:
    del argv
    from tf_elepose import depth_sign, files
    from tf_elepose.data.sources import load_source
    from tf_elepose.provenance import provenance
    from tf_elepose.training import workdir
    from tf_elepose.training.evaluator import LIKELIHOOD_VIEWS, evaluate_method

    options = flags.FLAGS
    folder = pathlib.Path(options.workdir)
    method, info = workdir.load_model_and_info(folder)
    config = files.read_json(folder / "config.json")
    source = options.data or config["data"]
    source_options = config["data_options"] if source == config["data"] else {}
    poses_2d = options.poses_2d or config["poses_2d"]
    views = LIKELIHOOD_VIEWS if options.likelihood_views is None else options.likelihood_views
    if views < 0:
        raise ValueError(f"--likelihood_views must not be negative; got {views}")
    recording = load_source(source, method.skeleton, **source_options).of_split(options.split)
    evaluation = evaluate_method(method, recording, poses_2d=poses_2d, likelihood_views=views, seed=options.seed)
    verdict = depth_sign.sign_verdict(evaluation.summary())
    facts = {"model": str(folder), "data": source, "split": options.split, "poses_2d": poses_2d, **provenance()}
    print(evaluation.table())
    print(f"depth sign: {depth_sign.VERDICTS[verdict]}")
    if options.output:
        output = pathlib.Path(options.output)
        output.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(output, {**evaluation.summary(), "depth_sign": verdict, **facts})
    if options.figures:
        page = _write_report(pathlib.Path(options.figures), folder, evaluation, recording, poses_2d, {**facts, **info})
        print(f"report: {page}", file=sys.stderr)
    return 0


def _write_report(
    output: pathlib.Path, folder: pathlib.Path, evaluation, recording, poses_2d: str, facts
) -> pathlib.Path:
    from tf_elepose.report import write_report
    from tf_elepose.training.metric_log import read_metric_log

    history: dict[str, list] = {}
    for row in read_metric_log(folder / "metrics.jsonl") if (folder / "metrics.jsonl").exists() else []:
        history.setdefault(row["phase"], []).append(row)
    return write_report(
        output,
        evaluation,
        recording.skeleton,
        title="ElePose on " + recording.source,
        history=history,
        facts={key: value if isinstance(value, str) else json.dumps(value) for key, value in facts.items()},
        poses_2d=recording.keypoints(poses_2d),
    )


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
