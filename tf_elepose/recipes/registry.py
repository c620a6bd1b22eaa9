"""What a config says, as the plain values that a run takes; which run trains which method."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ml_collections import ConfigDict

from tf_elepose import default_config

if TYPE_CHECKING:  # Imported where it is needed: a mistyped setting is answered without waiting for TensorFlow.
    from tf_elepose.recipes.elepose.settings import EleposeSettings
    from tf_elepose.recipes.links.run import LinksSettings
    from tf_elepose.recipes.supervised.run import SupervisedSettings
    from tf_elepose.recipes.svmac.run import SvmacSettings
    from tf_elepose.training.stage import StageSettings

_FREE = ("data_options.", ".optimizer.")
"""Settings whose names depend on a choice, the reader's or the schedule's, have one of these in their name."""


TAKE_SHARDS = ("elepose",)
"""Methods that can be trained on more poses than fit into memory."""


def make_run(config: ConfigDict) -> Callable:
    """The `Run` of the config's method, wanting only folder, recording, strategy and, where it trains on them, shards.

    Raises:
      ValueError: an unknown method, or settings that it does not have or that are out of their range.
    """
    if config.method not in _RUNS:
        raise ValueError(f"unknown method {config.method!r}; expected one of {', '.join(_RUNS)}")
    require_known_settings(config)
    return _RUNS[config.method](config)


def require_known_settings(config: ConfigDict) -> None:
    """ValueError for settings that the default config does not have, which would be ignored, or that are missing."""

    def names(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
        for key, value in values.items():
            if isinstance(value, ConfigDict):
                yield from names(value, f"{prefix}{key}.")
            else:
                yield prefix + key

    stated, known = set(names(config)), set(names(default_config.METHODS[config.method]()))
    unknown = sorted(name for name in stated - known if not any(part in name for part in _FREE))
    missing = sorted(name for name in known - stated if not any(part in name for part in _FREE))
    if unknown or missing:
        told = [f"{what} {', '.join(names)}" for what, names in (("unknown", unknown), ("missing", missing)) if names]
        raise ValueError(f"config settings: {'; '.join(told)}; tf_elepose/default_config.py has all there are")


def elepose_settings(config: ConfigDict) -> EleposeSettings:
    """Of an ElePose run."""
    from tf_elepose.recipes.elepose.settings import EleposeSettings

    completer, prior, lifter = config.completer, config.prior, config.lifter
    return EleposeSettings(
        **_common(config),
        bone_prior=config.bone_prior,
        completer={"width": completer.width, "precision": _precision(completer)} if completer.epochs else None,
        completer_batch_size=completer.batch_size,
        completer_stage=_optional_stage_settings(config, "completer"),
        bases=prior.bases,
        held_out=prior.held_out,
        prior=_flow(prior),
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
        starts=lifter.starts,
        start_steps=lifter.start_steps,
    )


def links_settings(config: ConfigDict) -> LinksSettings:
    """Of a LInKs run."""
    from tf_elepose.recipes.links.run import LinksSettings

    shared, filler = elepose_settings(config), config.filler
    return LinksSettings(
        **{field.name: getattr(shared, field.name) for field in dataclasses.fields(shared)},
        filler={"width": filler.width, "precision": _precision(filler)} if filler.epochs else None,
        filler_batch_size=filler.batch_size,
        filler_stage=_optional_stage_settings(config, "filler"),
    )


def _links_run(config: ConfigDict) -> Callable:
    from tf_elepose.recipes.links.run import LinksRun

    settings = links_settings(config)
    return lambda folder, recording, strategy: LinksRun(folder, recording, settings, strategy)


def _elepose_run(config: ConfigDict) -> Callable:
    from tf_elepose.recipes.elepose.run import EleposeRun

    settings = elepose_settings(config)
    return lambda folder, recording, strategy, shards=None: EleposeRun(folder, recording, settings, strategy, shards)


def _optional_stage_settings(config: ConfigDict, name: str) -> StageSettings | None:
    """None where it is not trained at all, which 0 epochs say."""
    epochs = config[name].epochs
    if not epochs >= 0:
        raise ValueError(f"{name}.epochs must not be negative; got {epochs}")
    return _stage_settings(config, config[name]) if epochs else None


def _flow(prior: ConfigDict) -> dict[str, Any]:
    return {"blocks": prior.blocks, "width": prior.width, "layers": prior.layers}


def _distilled_run(config: ConfigDict) -> Callable:
    from tf_elepose.methods.virtual_views import ViewSettings
    from tf_elepose.recipes.distilled.run import DistilledRun, DistilledSettings

    prior, student = config.prior, config.student
    settings = DistilledSettings(
        **_common(config),
        teacher=config.teacher,
        prior=_flow(prior) if prior.epochs else None,
        prior_noise=prior.noise,
        prior_batch_size=prior.batch_size,
        prior_stage=_optional_stage_settings(config, "prior"),
        held_out=prior.held_out,
        views=ViewSettings(**config.views.to_dict()),
        student={
            "width": student.width,
            "depth": student.depth,
            "precision": _precision(student),
            "term_weights": student.term_weights.to_dict(),
        },
        batch_size=student.batch_size,
        stage=_stage_settings(config, student),
    )
    return lambda folder, recording, strategy: DistilledRun(folder, recording, settings, strategy)


def canonpose_settings(config: ConfigDict):
    """Of a CanonPose run."""
    from tf_elepose.recipes.canonpose.run import CanonposeSettings

    lifter = config.lifter
    return CanonposeSettings(
        **_common(config),
        cameras=config.cameras,
        rig=config.rig,
        lifter={
            "width": lifter.width,
            "confidences": lifter.confidences,
            "hidden": lifter.hidden,
            "flip_average": lifter.flip_average,
            "precision": _precision(lifter),
            "term_weights": lifter.term_weights.to_dict(),
        },
        batch_size=lifter.batch_size,
        stage=_stage_settings(config, lifter),
    )


def _canonpose_run(config: ConfigDict) -> Callable:
    from tf_elepose.recipes.canonpose.run import CanonposeRun

    settings = canonpose_settings(config)
    return lambda folder, recording, strategy: CanonposeRun(folder, recording, settings, strategy)


def supervised_settings(config: ConfigDict) -> SupervisedSettings:
    """Of a supervised run."""
    from tf_elepose.recipes.supervised.run import SupervisedSettings

    lifter = config.lifter
    return SupervisedSettings(
        **_common(config),
        lifter={"width": lifter.width, "flip_average": lifter.flip_average, "precision": _precision(lifter)},
        lifter_batch_size=lifter.batch_size,
        lifter_stage=_stage_settings(config, lifter),
    )


def _supervised_run(config: ConfigDict) -> Callable:
    from tf_elepose.recipes.supervised.run import SupervisedRun

    settings = supervised_settings(config)

    return lambda folder, recording, strategy: SupervisedRun(folder, recording, settings, strategy)


def svmac_settings(config: ConfigDict) -> SvmacSettings:
    """Of an SVMAC run."""
    from tf_elepose.recipes.svmac.run import SvmacSettings

    generator = config.generator
    plain = ("angles", "width", "critic_width", "critic_steps", "batch_norm", "dropout", "flip_average")
    return SvmacSettings(
        **_common(config),
        generator={
            **{key: generator[key] for key in plain},
            "precision": _precision(generator),
            "term_weights": generator.term_weights.to_dict(),
        },
        generator_batch_size=generator.batch_size,
        generator_stage=dataclasses.replace(
            _stage_settings(config, generator), rate_factors={"critic": generator.critic_rate}
        ),
        bases=generator.critic_bases,
        supervised_share=config.supervised_share,
    )


def _svmac_run(config: ConfigDict) -> Callable:
    from tf_elepose.recipes.svmac.run import SvmacRun

    settings = svmac_settings(config)

    return lambda folder, recording, strategy: SvmacRun(folder, recording, settings, strategy)


def _common(config: ConfigDict) -> dict[str, Any]:
    """What all runs take, see `RunSettings`."""
    return {
        "poses_2d": config.poses_2d,
        "normalization": config.normalization.to_dict(),
        "min_confidence": config.min_confidence,
        "denoise": config.denoise,
        "flip": config.flip,
        "seed": config.seed,
    }


def _precision(network: ConfigDict) -> str:
    from tf_elepose.training.strategy import fast_precision

    return fast_precision() if network.precision == "auto" else str(network.precision)


def _stage_settings(config: ConfigDict, stage: ConfigDict):
    from tf_elepose.training.stage import StageSettings

    named = {"learning_rate", "schedule", "weight_decay", "clip_norm", "average_decay"}
    if missing := sorted(named - set(stage.optimizer)):
        raise ValueError(f"config settings: an optimizer lacks {', '.join(missing)}")
    betas = tuple(stage.optimizer.get("betas", (0.9, 0.999)))  # Keras' own.
    options = {key: value for key, value in stage.optimizer.to_dict().items() if key not in named | {"betas"}}
    return StageSettings(
        epochs=stage.epochs,
        evaluate_every=stage.evaluate_every,
        schedule_options=options,
        seed=config.seed,
        betas=betas,
        **{key: stage.optimizer[key] for key in named},
        **config.loop.to_dict(),
    )


_RUNS = {
    "elepose": _elepose_run,
    "links": _links_run,
    "distilled": _distilled_run,
    "supervised": _supervised_run,
    "canonpose": _canonpose_run,
    "svmac": _svmac_run,
}
