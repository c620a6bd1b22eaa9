"""Train a lifter: python -m tf_elepose.train --config=configs/NAME.py --workdir=DIR [--config.key=value ...]

Options of the data's reader are --option=key=value; they become part of the config (data_options).

Trains all that the method needs (completer, prior, then lifter), evaluates and writes the model. The same command run
again resumes where it was stopped or killed.
"""

from __future__ import annotations

import contextlib
import pathlib
import shlex
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from absl import flags
from ml_collections import ConfigDict
from ml_collections.config_flags import config_flags

from tf_elepose import commands, default_config, source_flags

_FREE = ("data_options.", "completer.optimizer.", "prior.optimizer.", "lifter.optimizer.")
"""Settings whose names depend on a choice: the reader's, and the schedule's options."""


def define_flags() -> None:
    config_flags.DEFINE_config_file("config", None, "Config file; settings are changed by --config.key=value.")
    flags.DEFINE_string("workdir", None, "Folder of the run: checkpoints, logs and the model.")
    flags.mark_flags_as_required(["config", "workdir"])
    source_flags.define_flags()


def main(argv: list[str]) -> int:
    del argv
    # After the flags: a mistyped flag is answered at once, without waiting for TensorFlow.
    from tf_elepose.training.elepose_run import EleposeRun
    from tf_elepose.training.interruption import StopRequest
    from tf_elepose.training.strategy import make_strategy

    config: ConfigDict = flags.FLAGS.config
    folder = pathlib.Path(flags.FLAGS.workdir)
    with config.unlocked():
        config.data_options = ConfigDict({**config.data_options.to_dict(), **source_flags.stated()})
    require_known_settings(config)
    settings = elepose_settings(config)
    strategy = make_strategy(config.strategy)  # Before anything else of TensorFlow: workers must meet first.
    recording, shards = _opened(config)
    run = EleposeRun(folder, recording, settings, strategy, shards)
    if run.writes:  # After all settings were seen to work: a mistake leaves no folder that the mended command meets.
        from tf_elepose.training import workdir

        workdir.claim(folder, config.to_dict())
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
            method = _train(folder, run, stop)
        if method is not None:
            _finish(folder, config, recording, run, method)
            return 0
    print(
        f"stopped by {stop.signal_name or 'another worker'}; everything is saved. To go on: python -m tf_elepose.train "
        + shlex.join(sys.argv[1:]),
        file=sys.stderr,
    )
    return 128 + (2 if stop.signal_name == "SIGINT" else 15)


def _opened(config: ConfigDict):
    """The recording that `config.data` names; and the shards it is a sample of, where that is what it names."""
    from tf_elepose.data.missing import hide_joints
    from tf_elepose.data.shards import Shards
    from tf_elepose.data.sources import load_source
    from tf_elepose.skeletons import get_skeleton

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
    """The trained method; None when a signal came first."""
    from tf_elepose.training.metric_log import MetricLog

    if not run.writes:
        return run.run(None, stop)
    with MetricLog(folder / "metrics.jsonl", folder / "events") as log:
        return run.run(log, stop)


def _finish(folder: pathlib.Path, config: ConfigDict, recording, run, method) -> None:
    """Evaluate, write metrics.json and, when the depths have the right sign, the model.

    Raises:
      ValueError: the depths are mirrored, mixed or unrelated to the truth.
    """
    from tf_elepose import depth_sign, files
    from tf_elepose.provenance import provenance
    from tf_elepose.training import workdir
    from tf_elepose.training.evaluator import LIKELIHOOD_VIEWS, evaluate_method

    split = "test" if (recording.split == "test").any() else "train"
    evaluation = evaluate_method(
        method,
        recording.of_split(split),
        poses_2d=config.poses_2d,
        min_confidence=config.min_confidence,
        likelihood_views=LIKELIHOOD_VIEWS,
        seed=config.seed,
    )
    print(evaluation.table())
    blind, grounds = run.sign_without_truth(method)
    verdict = depth_sign.sign_verdict(evaluation.summary())
    if verdict in ("right", "unknown") and blind != "unknown":
        verdict = blind  # Without truth the training poses decide; with it they have to agree.
    info = {**provenance(), "source": config.data, "training_seconds": round(run.seconds, 1)}
    if run.writes:
        figures = {**evaluation.summary(), "depth_sign": verdict, "split": split, **info}
        files.write_json(folder / "metrics.json", files.finite_or_null(figures))
    if verdict not in ("right", "unknown"):
        raise ValueError(
            f"the depths are {verdict} (training poses: {grounds}): {depth_sign.VERDICTS[verdict]} The model was not "
            "saved; try another seed, or a larger weight of the term 'knees', in another --workdir"
        )
    if run.writes:
        workdir.save_model(folder / "model.npz", method, info)
    print(f"model: {folder / 'model.npz'} ({run.seconds:.0f} s of training, depths are {verdict}: {grounds})")


def require_known_settings(config: ConfigDict) -> None:
    """ValueError for settings that the default config does not have, which would be ignored, or that are missing."""

    def names(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
        for key, value in values.items():
            if isinstance(value, ConfigDict):
                yield from names(value, f"{prefix}{key}.")
            else:
                yield prefix + key

    stated, known = set(names(config)), set(names(default_config.get_config()))
    unknown = sorted(name for name in stated - known if not name.startswith(_FREE))
    missing = sorted(name for name in known - stated if not name.startswith(_FREE))
    if unknown or missing:
        told = [f"{what} {', '.join(names)}" for what, names in (("unknown", unknown), ("missing", missing)) if names]
        raise ValueError(f"config settings: {'; '.join(told)}; tf_elepose/default_config.py has all there are")


def elepose_settings(config: ConfigDict):
    """The config's values as keywords for the run; ValueError when the method is unknown."""
    from tf_elepose.methods import METHODS
    from tf_elepose.training.elepose_settings import EleposeSettings

    if config.method not in METHODS:
        raise ValueError(f"unknown method {config.method!r}; expected one of {', '.join(METHODS)}")
    completer, prior, lifter = config.completer, config.prior, config.lifter
    if not completer.epochs >= 0:
        raise ValueError(f"completer.epochs must not be negative; got {completer.epochs}")
    return EleposeSettings(
        poses_2d=config.poses_2d,
        normalization=config.normalization.to_dict(),
        bone_prior=config.bone_prior,
        min_confidence=config.min_confidence,
        completer={"width": completer.width, "precision": _precision(completer)} if completer.epochs else None,
        completer_batch_size=completer.batch_size,
        completer_stage=_stage_settings(config, completer) if completer.epochs else None,
        bases=prior.bases,
        held_out=prior.held_out,
        prior={"blocks": prior.blocks, "width": prior.width, "layers": prior.layers},
        prior_noise=prior.noise,
        prior_batch_size=prior.batch_size,
        prior_stage=_stage_settings(config, prior),
        lifter={
            "width": lifter.width,
            "arch": lifter.arch,
            "elevation": lifter.elevation,
            "flip_average": lifter.flip_average,
            "likelihood_ceiling": lifter.likelihood_ceiling,
            "precision": _precision(lifter),
            "term_weights": lifter.term_weights.to_dict(),
        },
        lifter_batch_size=lifter.batch_size,
        lifter_stage=_stage_settings(config, lifter),
        flip=config.flip,
        seed=config.seed,
    )


def _precision(network: ConfigDict) -> str:
    from tf_elepose.training.strategy import fast_precision

    return fast_precision() if network.precision == "auto" else str(network.precision)


def _stage_settings(config: ConfigDict, stage: ConfigDict):
    from tf_elepose.training.stage import StageSettings

    named = {"learning_rate", "schedule", "weight_decay", "clip_norm", "average_decay"}
    if missing := sorted(named - set(stage.optimizer)):
        raise ValueError(f"config settings: an optimizer lacks {', '.join(missing)}")
    options = {key: value for key, value in stage.optimizer.to_dict().items() if key not in named}
    return StageSettings(
        epochs=stage.epochs,
        evaluate_every=stage.evaluate_every,
        schedule_options=options,
        seed=config.seed,
        **{key: stage.optimizer[key] for key in named},
        **config.loop.to_dict(),
    )


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
