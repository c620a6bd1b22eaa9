"""Settings that the configs of several methods have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_collections import config_dict

ADDED_LATER: dict[str, Any] = {
    "test_poses_2d": "same",
    "lifter.pairs": "mean",
    "generator.critic_blocks": 2,
    "generator.dropout_in_camera": True,
}
"""{setting that configs and workdirs of older versions lack: the value with which training does what those versions
did}. So old configs stay usable, and old runs can be continued."""


def evaluated_kind(config: Mapping[str, Any]) -> str:
    """The 2D poses, "gt" or "detected", on which a model of this config is evaluated."""
    stated = config.get("test_poses_2d", ADDED_LATER["test_poses_2d"])
    return config["poses_2d"] if stated == "same" else stated


def common(method: str) -> config_dict.ConfigDict:
    """A config with the settings that every method has: data, scale, seed and loop."""
    config = config_dict.ConfigDict()
    config.method = method
    # Data: `synthetic` or FORMAT:PATH, and the joints it is converted to.
    config.data = "synthetic"
    config.data_options = config_dict.ConfigDict()  # Keywords of the reader or of the synthesis.
    config.skeleton = "h36m_17"  # A built-in skeleton or the path of a .yaml file.
    config.poses_2d = "gt"  # gt or detected.
    config.test_poses_2d = "same"  # Of the evaluation: same as in training, gt or detected.
    config.min_confidence = 0.0  # Joints whose confidence is not above this number are missing.
    # Whether detected training poses are smoothed over time: auto, always or never; see docs/training.md.
    config.denoise = "auto"
    config.hidden_joints = 0.0  # Share of the joints to hide in all poses, for studies.
    config.flip = True  # Mirror poses at random: a mirrored pose is a possible pose, so the data double.
    config.seed = 0
    config.strategy = "auto"  # auto, mirrored, multi_worker or one_device.
    # Scale: dataset (the paper), clip or pose; distance is the paper's D.
    config.normalization = config_dict.create(rule="dataset", distance=10.0)
    # How the machine is used; these settings do not change the mathematics.
    config.loop = config_dict.create(steps_per_call=100, checkpoint_every=500, jit_compile=False)
    return config


def prior_config(blocks: int, width: int) -> config_dict.ConfigDict:
    """The settings of a prior whose flow has this size, and of its training."""
    prior = config_dict.create(blocks=blocks, width=width, layers=1)
    # Share of the training clips that are not trained on and select the best weights; with 0 the prior learns from all
    # clips, and its last weights are kept.
    prior.held_out = 0.1
    prior.noise = 0.1
    prior.batch_size = 1024
    prior.epochs = 40.0
    prior.evaluate_every = 100  # Steps, 0: once an epoch; the best of the evaluated weights are kept.
    prior.optimizer = optimizer_config(learning_rate=1e-3, average_decay=0.998)
    return prior


def optimizer_config(learning_rate: float, average_decay: float) -> config_dict.ConfigDict:
    """The settings of Adam with a cosine schedule; options of other schedules are in training/schedules.py."""
    return config_dict.create(
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=0.02,
        floor=0.0,
        weight_decay=0.0,
        clip_norm=20.0,
        average_decay=average_decay,
    )
