"""Train a lifter: python -m tf_elepose.train --config=configs/NAME.py --workdir=DIR [--config.key=value ...]

Trains all that the method needs (prior, then lifter), evaluates and writes the model. The same command run again
resumes where it was stopped or killed.
"""

from __future__ import annotations

import contextlib
import pathlib
import shlex
import sys

from absl import flags
from ml_collections import ConfigDict
from ml_collections.config_flags import config_flags

from tf_elepose import commands


def define_flags() -> None:
    config_flags.DEFINE_config_file("config", None, "Config file; settings are changed by --config.key=value.")
    flags.DEFINE_string("workdir", None, "Folder of the run: checkpoints, logs and the model.")
    flags.mark_flags_as_required(["config", "workdir"])


def main(argv: list[str]) -> int:
    del argv
    # After the flags: a mistyped flag is answered at once, without waiting for TensorFlow.
    from tf_elepose.data.sources import load_source
    from tf_elepose.skeletons import get_skeleton
    from tf_elepose.training.interruption import StopRequest

    config: ConfigDict = flags.FLAGS.config
    folder = pathlib.Path(flags.FLAGS.workdir)
    try:
        settings = elepose_settings(config)
        source, skeleton, source_options = config.data, config.skeleton, config.data_options.to_dict()
    except (AttributeError, KeyError) as error:
        raise ValueError(f"the config lacks {error}; default_config.py has all that is needed") from error
    recording = load_source(source, get_skeleton(skeleton), **source_options)
    with StopRequest() as stop:
        done = _run(folder, config, recording, settings, stop)
    if done:
        return 0
    print(
        f"stopped by {stop.signal_name}; everything is saved. To go on: python -m tf_elepose.train "
        + shlex.join(sys.argv[1:]),
        file=sys.stderr,
    )
    return 128 + (15 if stop.signal_name == "SIGTERM" else 2)


def _run(folder: pathlib.Path, config: ConfigDict, recording, settings, stop) -> bool:
    from tf_elepose.training import workdir
    from tf_elepose.training.elepose_run import EleposeRun
    from tf_elepose.training.metric_log import MetricLog

    run = EleposeRun(folder, recording, settings)
    with contextlib.ExitStack() as stack:
        log = None
        if (
            run.writes
        ):  # After all settings were seen to work: a mistake leaves no folder that the mended command meets.
            workdir.claim(folder, config.to_dict())
            stack.enter_context(workdir.exclusive(folder))
            run.claim_data()
            if (folder / "model.npz").exists():
                print(f"{folder}: already trained; nothing to do", file=sys.stderr)
                return True
            log = stack.enter_context(MetricLog(folder / "metrics.jsonl", folder / "events"))
        method = run.run(log, stop)
        if method is None:
            return False
        _finish(folder, config, recording, run, method)
    return True


def _finish(folder: pathlib.Path, config: ConfigDict, recording, run, method) -> None:
    """Evaluate, and save what is worth saving; ValueError when the depths are not right."""
    from tf_elepose import depth_sign, files
    from tf_elepose.provenance import provenance
    from tf_elepose.training import workdir
    from tf_elepose.training.evaluator import LIKELIHOOD_VIEWS, evaluate_method

    split = "test" if (recording.split == "test").any() else "train"
    evaluation = evaluate_method(
        method,
        recording.of_split(split),
        poses_2d=config.poses_2d,
        likelihood_views=LIKELIHOOD_VIEWS,
        seed=config.seed,
    )
    summary = evaluation.summary()
    verdict = depth_sign.sign_verdict(summary)
    if verdict not in ("right", "unknown"):
        raise ValueError(
            f"depths on the {split} split are {verdict}: {depth_sign.VERDICTS[verdict]} The model was not saved; try "
            "another seed in another --workdir"
        )
    if run.writes:
        info = {**provenance(), "source": config.data, "training_seconds": round(run.seconds, 1)}
        figures = {**summary, "depth_sign": verdict, "split": split, **info}
        files.write_json(folder / "metrics.json", files.finite_or_null(figures))
        workdir.save_model(folder / "model.npz", method, info)
    print(evaluation.table())
    print(f"model: {folder / 'model.npz'} ({run.seconds:.0f} s of training, depths are {verdict})")


def elepose_settings(config: ConfigDict):
    """The config's values as keywords for the run; ValueError when the method is unknown."""
    from tf_elepose.methods import METHODS
    from tf_elepose.training.elepose_run import EleposeSettings

    if config.method not in METHODS:
        raise ValueError(f"unknown method {config.method!r}; expected one of {', '.join(METHODS)}")
    prior, lifter = config.prior, config.lifter
    return EleposeSettings(
        poses_2d=config.poses_2d,
        normalization=config.normalization.to_dict(),
        bone_prior=config.bone_prior,
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
            "precision": lifter.precision,
            "term_weights": lifter.term_weights.to_dict(),
        },
        lifter_batch_size=lifter.batch_size,
        lifter_stage=_stage_settings(config, lifter),
        flip=config.flip,
        strategy=config.strategy,
        seed=config.seed,
    )


def _stage_settings(config: ConfigDict, stage: ConfigDict):
    from tf_elepose.training.stage import StageSettings

    named = {"learning_rate", "schedule", "weight_decay", "clip_norm", "average_decay"}
    options = {key: value for key, value in stage.optimizer.to_dict().items() if key not in named}
    return StageSettings(
        epochs=stage.epochs,
        schedule_options=options,
        seed=config.seed,
        **{key: stage.optimizer[key] for key in named},
        **config.loop.to_dict(),
    )


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
