"""Lift archives of poses on Apache Beam: python -m tf_elepose.batch_lift --input=GLOB --output=DIR --model=MODEL

--input names files, or folders of shards: .tfrecord shards of tf_elepose.convert, views files (.npz), Parquet
(.parquet) and JSON lines (.jsonl, .ndjson). Every record is lifted, or is in DIR/dead_letters with the reason.
DIR/manifest.json is written last; the same command again goes on where it was killed. All other flags are Beam's
pipeline options:

    --runner=DirectRunner --direct_running_mode=multi_processing --direct_num_workers=2
"""

from __future__ import annotations

import dataclasses
import logging as py_logging
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags, logging

from tf_elepose.cli import commands

_LOCAL = (None, "DirectRunner", "direct")


def define_flags() -> None:
    flags.DEFINE_multi_string("input", [], "Files, by name or pattern, or folders of shards; may be given again.")
    flags.DEFINE_string("output", None, "Folder to write: a new one, or that of the same job, which then goes on.")
    flags.DEFINE_string("model", None, "Folder of an export, a workdir, a model.npz, or a name of lift --list_models.")
    flags.DEFINE_string(
        "convention", None, "Convention of the keypoints, such as coco_17, for records that do not name one."
    )
    flags.DEFINE_enum(
        "poses_2d",
        "gt",
        ["gt", "detected"],
        "2D poses to lift where an input has both: the best ones (gt) or detections.",
    )
    flags.DEFINE_float(
        "min_confidence", None, "Joints with no higher confidence count as missing; the model's threshold if not given."
    )
    flags.DEFINE_float(
        "height",
        None,
        "Height of all people in mm; poses are then in mm. Without it they have a length of about one unit.",
    )
    flags.DEFINE_boolean("likelihood", True, "Compute the percentile that tells how likely each pose is.")
    flags.DEFINE_enum(
        "precision", None, ["float32", "float16", "int8_dynamic", "int8"], "Precision of the TFLite file of an export."
    )
    flags.DEFINE_enum(
        "runtime", "tflite", ["tflite", "saved_model"], "Run an export from its TFLite file or from its SavedModel."
    )
    flags.DEFINE_integer("threads", 1, "Number of threads with which a worker lifts.", lower_bound=1)
    flags.DEFINE_integer(
        "part_rows", 1 << 16, "Number of poses in a part of the output.", lower_bound=1, upper_bound=1 << 20
    )


def main(argv: list[str]) -> int:
    options = flags.FLAGS
    for name in ("input", "output", "model"):
        if not getattr(options, name):
            raise commands.UsageError(f"--{name} is missing")
    try:
        import apache_beam  # noqa: F401
    except ImportError as error:
        raise ValueError("apache-beam is not installed: pip install 'tf_elepose[beam]'") from error
    from tf_elepose.batch import job
    from tf_elepose.batch.handler import LiftSettings
    from tf_elepose.batch.reading import ReadSettings, input_files
    from tf_elepose.skeleton.conventions import get_convention

    py_logging.getLogger("apache_beam").setLevel(py_logging.WARNING)  # Below it, Beam logs every type hint.
    py_logging.getLogger().addFilter(_is_news)
    beam_options = pipeline_options(argv[1:])
    convention = None if options.convention is None else get_convention(options.convention)
    read = ReadSettings(convention, options.poses_2d, options.part_rows)
    model = options.model
    if pathlib.Path(model).exists():
        model = str(pathlib.Path(model).resolve())  # Workers may start in another folder.
    lift = LiftSettings(
        model, options.precision, options.runtime, options.likelihood, options.threads, options.min_confidence,
        options.height,
    )  # fmt: skip
    with commands.without_startup_messages():
        lifter = lift.open()
    _try(lifter, lift)
    inputs = input_files(options.input)
    folder = pathlib.Path(options.output).resolve()
    settings = {**_plain(read, "convention"), **_plain(lift, "threads", "model"), "convention": _named(convention)}
    settings |= {"fingerprint": lifter.model.fingerprint, "file": getattr(lifter.model, "precision", None)}
    done = job.claim(folder, job.job_facts(inputs, settings))
    if done is not None:
        print(f"{summary(done)}\n{folder}: already complete; nothing to do")
        return 0
    if not _run(beam_options, inputs, folder, read, lift):
        print(f"{folder}: the job was handed over; it is complete when {job.MANIFEST} is there")
        return 0
    from tf_elepose.storage import files

    manifest = files.read_json(folder / job.MANIFEST)
    print(f"{summary(manifest)}\nwritten: {folder}")
    if manifest["dead_letters"]:
        logging.warning("%s: %s dead letters, see its dead_letters", folder, f"{manifest['dead_letters']:,}")
    return 0


def pipeline_options(arguments: Sequence[str]) -> Any:
    """Beam's options, from the part of the command line that is not this command's.

    Raises:
      UsageError: on this machine's runner, an option that Beam does not know; other runners may have options of their
        own.
    """
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, TypeOptions, WorkerOptions

    options = PipelineOptions(list(arguments))
    local = options.view_as(StandardOptions).runner in _LOCAL
    known = {name.partition("=")[0].lstrip("-") for name in arguments} & set(options.get_all_options())
    unknown = [a for a in arguments if a.partition("=")[0].lstrip("-") not in known]
    if unknown and local:
        raise commands.UsageError(f"unknown flag {unknown[0]}: neither batch_lift nor Beam knows it")
    if unknown:
        logging.warning("not known to Beam itself, left to the runner: %s", " ".join(unknown))
    if local:
        # Otherwise Beam asks the network for another runner's program first. This pipeline has no triggers.
        options.view_as(TypeOptions).allow_unsafe_triggers = True
        harness = options.view_as(WorkerOptions)
        harness.default_sdk_harness_log_level = harness.default_sdk_harness_log_level or "ERROR"
    return options


def summary(manifest: Mapping[str, Any]) -> str:
    """The counts of a job's results, one fact a line."""
    lines = [f"records: {manifest['records']:,}; lifted: {manifest['lifted']:,}"]
    if manifest["not_valid"] or manifest["not_read"] or manifest["dead_letters"]:
        lines[0] += f"; not valid: {manifest['not_valid']:,}; not read: {manifest['not_read']:,}"
        lines += [f"  {count:,} {reason}" for reason, count in manifest["reasons"].items()]
    return "\n".join(lines)


def _is_news(record: py_logging.LogRecord) -> bool:
    """Whether a message is neither Beam's progress nor its warning of a package that is not needed here."""
    from_beam = "apache_beam" in record.pathname
    return not from_beam or (record.levelno >= py_logging.WARNING and "Resource module" not in record.getMessage())


def _try(lifter: Any, settings: Any) -> None:
    """Lifts zero poses, so that an invalid setting is reported before anything is read."""
    import numpy as np

    lifter(
        np.zeros((0, lifter.skeleton.num_joints, 2), np.float32), convention=lifter.skeleton,
        min_confidence=settings.min_confidence, height_mm=settings.height_mm,
    )  # fmt: skip


def _plain(settings: Any, *without: str) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(settings) if field.name not in without]
    return {name: getattr(settings, name) for name in names}


def _named(convention: Any) -> Any:
    return None if convention is None else {"name": convention.name, "joints": list(convention.joints)}


def _run(beam_options: Any, inputs: Sequence[str], folder: pathlib.Path, read: Any, lift: Any) -> bool:
    """Runs the job; returns whether it is complete, which it is not where a runner goes on without this program."""
    import apache_beam as beam

    from tf_elepose.batch import job, pipeline

    try:
        made = beam.Pipeline(options=beam_options)
        pipeline.build(made, inputs, folder, read, lift)
        made.run().wait_until_finish()
    except Exception as error:  # Whatever a worker raised comes as one of Beam's own errors, a traceback in its text.
        lines = [line for line in str(error).splitlines() if line.strip()]
        logging.debug("%s", error)  # With --verbosity=1.
        raise ValueError(
            f"the job failed: {lines[-1] if lines else type(error).__name__}; what is written stays, and the same "
            "command goes on"
        ) from error
    return (folder / job.MANIFEST).exists()


if __name__ == "__main__":
    commands.run(main, define_flags, unknown=True)
