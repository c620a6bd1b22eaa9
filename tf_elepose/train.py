"""Train a lifter: python -m tf_elepose.train --config=configs/NAME.py --workdir=DIR [--config.key=value ...]

Options of the data's reader are --option=key=value; they become part of the config (data_options).

Trains all that the method needs (completer, prior, the lifter's starts, lifter), evaluates and writes the model. The
same command run again resumes where it was stopped or killed. Several workers: python -m tf_elepose.launch.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shlex
import sys
from typing import NoReturn

from absl import flags
from ml_collections import ConfigDict
from ml_collections.config_flags import config_flags

from tf_elepose.cli import commands, source_flags
from tf_elepose.recipes import config_parts, registry


def define_flags() -> None:
    config_flags.DEFINE_config_file("config", None, "Config file; --config.key=value changes a setting.")
    flags.DEFINE_string("workdir", None, "Folder of the run, for checkpoints, logs and the model.")
    flags.mark_flag_as_required("config")
    flags.DEFINE_boolean(
        "keep_mirrored",
        False,
        "Keep the model of a training whose depths have the wrong sign, under a name that says so: model.mirrored.npz, "
        "model.mixed.npz or model.unclear.npz.",
    )
    flags.DEFINE_boolean(
        "differences", False, "Only print the differences of the config from the paper of its method; train nothing."
    )
    source_flags.define_flags()


def main(argv: list[str]) -> int:
    del argv
    if flags.FLAGS.differences:
        from tf_elepose.recipes import paper

        method = registry.method_of(flags.FLAGS.config)
        method.settings(flags.FLAGS.config)  # Settings that a run would refuse are an error here, too.
        print(paper.differences(flags.FLAGS.config))
        return 0
    if not flags.FLAGS.workdir:
        raise ValueError("--workdir: expected the folder of the run; got none")
    # Imported after the flags are read: a mistyped flag is reported at once, without waiting for TensorFlow.
    import tensorflow as tf

    from tf_elepose.training.interruption import StopRequest
    from tf_elepose.training.strategy import lost_worker, make_strategy

    config: ConfigDict = flags.FLAGS.config
    folder = pathlib.Path(flags.FLAGS.workdir)
    with config.unlocked():
        config.data_options = ConfigDict({**config.data_options.to_dict(), **source_flags.options_from_flags()})
    method = registry.method_of(config)
    settings = method.settings(config)
    strategy = make_strategy(config.strategy)  # Before any other use of TensorFlow: workers must connect first.
    recording, shards = _opened(config)
    if shards is not None and not method.takes_shards:
        raise ValueError(f"{config.data}: {config.method} is trained on poses that fit into memory: convert to views")
    run_class = method.run_class()
    data = run_class.prepare(recording, settings, *(() if shards is None else (shards,)))
    run = run_class(folder, data, settings, strategy)
    if run.writes:  # After all settings are checked: a mistake leaves no folder that the corrected command would find.
        from tf_elepose.training import workdir

        workdir.claim(folder, config.to_dict(), config_parts.ADDED_LATER)
        lock = workdir.exclusive(folder)
    else:
        lock = contextlib.nullcontext()
    with lock:
        if run.writes:
            run.claim_data()
        if (folder / "model.npz").exists():
            print(f"{folder}: already trained; nothing to do", file=sys.stderr)
            return 0
        with StopRequest() as stop:
            try:
                model = _train(folder, run, stop)
            except tf.errors.OpError as error:
                if not lost_worker(strategy, error):
                    raise
                _leave(error)
        if model is not None:
            _finish(folder, config, recording, run, model, flags.FLAGS.keep_mirrored)
            return 0
    print(
        f"stopped by {stop.signal_name or 'another worker'}; everything is saved. To go on: python -m tf_elepose.train "
        + shlex.join(sys.argv[1:]),
        file=sys.stderr,
    )
    return 128 + (2 if stop.signal_name == "SIGINT" else 15)


def _opened(config: ConfigDict):
    """The recording that `config.data` names, or for shards a sample of them; and the shards, or None."""
    from tf_elepose.data.missing import hide_joints
    from tf_elepose.data.shards.shards import Shards
    from tf_elepose.data.sources import load_source
    from tf_elepose.skeleton.skeletons import get_skeleton

    skeleton, options = get_skeleton(config.skeleton), config.data_options.to_dict()
    format_name, _, path = config.data.partition(":")
    if format_name != "shards":
        recording = load_source(config.data, skeleton, **options)
        return hide_joints(recording, config.hidden_joints, seed=config.seed), None
    if options or config.hidden_joints:
        raise ValueError(f"{config.data}: shards are trained on as they are: no data_options, hidden_joints 0")
    shards = Shards.open(path)
    if shards.manifest.skeleton != skeleton:
        raise ValueError(f"{config.data}: holds {shards.manifest.skeleton.name!r}; wanted {skeleton.name!r}")
    return shards.sample_of_all(), shards


def _train(folder: pathlib.Path, run, stop):
    """Trains; returns the model, or None when a signal interrupted the training."""
    from tf_elepose.training.metric_log import MetricLog

    if not run.writes:
        return run.run(None, stop)
    with MetricLog(folder / "metrics.jsonl", folder / "events") as log:
        return run.run(log, stop)


def _leave(error: Exception) -> NoReturn:
    """Ends this worker after another was lost: at once, since a normal exit of TensorFlow waits for all workers."""
    print(
        f"error: another worker was lost ({type(error).__name__}). Start all workers again with the same "
        "command: they go on from the newest checkpoint",
        file=sys.stderr,
        flush=True,
    )
    os._exit(commands.EXIT_LOST_WORKER)


def _finish(folder: pathlib.Path, config: ConfigDict, recording, run, model, keep_mirrored: bool) -> None:
    """Evaluates the model, writes metrics.json, and saves the model if its depths have the right sign.

    With `keep_mirrored`, a model of the wrong sign is saved, too, in a file whose name says so.

    Raises:
      ValueError: the depths are mirrored, mixed or unrelated to the truth.
    """
    from tf_elepose.cli.provenance import provenance
    from tf_elepose.evaluation import depth_sign
    from tf_elepose.storage import files
    from tf_elepose.training import workdir
    from tf_elepose.training.evaluator import LIKELIHOOD_VIEWS, evaluate_method

    split = "test" if (recording.split == "test").any() else "train"
    evaluation = evaluate_method(
        model,
        recording.of_split(split),
        poses_2d=config_parts.evaluated_kind(config),
        min_confidence=config.min_confidence,
        likelihood_views=LIKELIHOOD_VIEWS,
        seed=config.seed,
    )
    print(evaluation.table())
    verdict_of_training, grounds = run.sign_without_truth(model)
    verdict = depth_sign.sign_verdict(evaluation.summary())
    if verdict in ("right", "unknown") and verdict_of_training != "unknown":
        verdict = verdict_of_training  # Without true poses the training poses decide; with them both have to agree.
    info = {**provenance(), "source": config.data, "training_seconds": round(run.seconds, 1)}
    if run.writes:
        figures = {**evaluation.summary(), **run.own_figures(model), "depth_sign": verdict, "split": split, **info}
        files.write_json(folder / "metrics.json", files.finite_or_null(figures))
    if verdict not in ("right", "unknown"):
        kept = "not saved (--keep_mirrored keeps it)"
        if keep_mirrored:
            kept = f"saved as {folder / f'model.{verdict}.npz'}"
            if run.writes:
                workdir.save_model(folder / f"model.{verdict}.npz", model, {**info, "depth_sign": verdict})
        raise ValueError(
            f"the depths are {verdict} (training poses: {grounds}): {depth_sign.VERDICTS[verdict]} The model was "
            f"{kept}; try another seed, or a larger weight of the term 'knees', in another --workdir"
        )
    if run.writes:
        workdir.save_model(folder / "model.npz", model, info)
    print(f"model: {folder / 'model.npz'} ({run.seconds:.0f} s of training, depths are {verdict}: {grounds})")


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
