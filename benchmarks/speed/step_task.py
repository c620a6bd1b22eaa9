"""The task for measuring a training step: sizes, poses and first weights, in a file that any program can read.

An .npz without pickles: `settings` (JSON), `images` [N, J, 2] normalised poses, and `weights/NAME` by the names of
`PoseModel.saved_variables`. Two programs with the same file compute the same steps.
"""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from tf_elepose.storage import files

SIZES = ("paper", "code", "default")
"""The networks and the batch of the paper (section 3), of its published code (one shared block, one hidden layer in the
flow's subnets), and of this package's default config."""

_PERTURBED = 0.02  # Deviation of noise on first weights, which are special (nearly flat poses, no coupling).


def size_config(size: str) -> Any:
    """The config of one of `SIZES`.

    Raises:
      ValueError: another size.
    """
    from tf_elepose import default_config

    if size not in SIZES:
        raise ValueError(f"size: expected one of {', '.join(SIZES)}; got {size!r}")
    config = default_config.get_config() if size == "default" else default_config.get_paper_config()
    if size == "code":
        config.lifter.arch, config.prior.layers = "code", 1
    return config


def write_task(path: pathlib.Path, size: str, *, width: int | None = None, batch_size: int | None = None) -> None:
    """Writes a task of built-in motion; `width` and `batch_size` make it smaller, for tests."""
    from tf_elepose.data.synthetic import synthesize
    from tf_elepose.normalization import Normalizer
    from tf_elepose.skeleton.skeletons import H36M_17

    config = size_config(size)
    if width is not None:
        config.lifter.width = config.prior.width = width
    if batch_size is not None:
        config.lifter.batch_size = batch_size
    poses = synthesize(H36M_17).of_split("train").poses_2d
    normalizer = Normalizer.fit(poses, H36M_17, **config.normalization.to_dict())
    images, _ = normalizer.apply(poses)
    files.write_npz(path, task_arrays(config, normalizer, images))


def task_arrays(config: Any, normalizer: Any, images: np.ndarray, bone_prior: Any = None) -> dict[str, np.ndarray]:
    """The arrays of a task's file; without `bone_prior`, with the skeleton's stated bone lengths."""
    from tf_elepose.skeleton.anthropometry import stated_bone_prior
    from tf_elepose.skeleton.skeletons import H36M_17

    objective = _new_objective(config, normalizer, images, bone_prior or stated_bone_prior(H36M_17))
    values = settings_of(objective, config)
    return {"settings": np.array(json.dumps(values)), "images": images} | _weights(objective.model.saved_variables())


def settings_of(objective: Any, config: Any) -> dict[str, Any]:
    """Plain values that, with the weights, determine the objective and the step."""
    skeleton, lifter = objective.skeleton, config.lifter
    place = skeleton.index
    optimizer = {key: lifter.optimizer[key] for key in ("learning_rate", "weight_decay", "clip_norm", "average_decay")}
    return {
        "size": {
            "width": lifter.width, "arch": lifter.arch,
            **{f"prior_{key}": config.prior[key] for key in ("blocks", "width", "layers")},
        },
        "batch_size": lifter.batch_size,
        "optimizer": optimizer,
        "term_weights": objective.term_weights,
        "likelihood_ceiling": objective.likelihood_ceiling,
        "joints": skeleton.num_joints,
        "root": skeleton.root_index,
        "mirror": [int(joint) for joint in skeleton.mirror],
        "bones": [[place(child), place(parent)] for child, parent in skeleton.bones],
        "legs": [[place(joint) for joint in leg] for leg in skeleton.legs],
        "bases": objective.prior.flow.size,
        "explained": objective.prior.explained,
        "normalizer": objective.normalizer.to_dict(),
        "bone_prior": objective.bone_prior.to_dict(),
        # Values from the three entries above that another program needs.
        "distance": objective.distance,
        "input_deviation": objective.normalizer.deviation,
        "bone_lengths": objective.bone_prior.to_dict()["lengths"],
        "bone_deviations": objective.bone_prior.to_dict()["deviations"],
    }  # fmt: skip


def read_task(path: str | pathlib.Path) -> tuple[dict[str, Any], np.ndarray, dict[str, np.ndarray]]:
    """Settings, images [N, J, 2] and weights by name."""
    arrays = files.read_npz(path)
    settings, images = json.loads(str(arrays.pop("settings"))), arrays.pop("images")
    return settings, images, {name.removeprefix("weights/"): values for name, values in arrays.items()}


def objective_of(settings: Mapping[str, Any], weights: Mapping[str, np.ndarray], precision: str = "float32") -> Any:
    """The objective of a task; its model has the task's weights."""
    from tf_elepose.methods.elepose import TERMS, ElePose, EleposeObjective
    from tf_elepose.methods.lifted_likelihood import blank_prior
    from tf_elepose.normalization import Normalizer
    from tf_elepose.recipes.elepose.run import new_lifter
    from tf_elepose.skeleton.anthropometry import BonePrior
    from tf_elepose.skeleton.skeletons import H36M_17

    size, normalizer = settings["size"], Normalizer.from_dict(settings["normalizer"], H36M_17)
    flow = {key: size[f"prior_{key}"] for key in ("blocks", "width", "layers")}
    subspace = {"size": settings["bases"], "explained": settings["explained"]}
    lifter = new_lifter(H36M_17, normalizer, width=size["width"], arch=size["arch"], precision=precision, seed=0)
    model = ElePose(H36M_17, normalizer, blank_prior(H36M_17, subspace, flow), lifter)
    for name, variable in _networks(model.saved_variables()).items():
        variable.assign(weights[name])
    return EleposeObjective(
        model, bone_prior=BonePrior.from_dict(settings["bone_prior"]),
        term_weights={name: settings["term_weights"].get(name, 0.0) for name in TERMS},
        likelihood_ceiling=settings["likelihood_ceiling"], half=precision == "mixed_bfloat16",
    )  # fmt: skip


def write_comparison(task: pathlib.Path, perturbed: pathlib.Path, batch: pathlib.Path, poses: int = 64) -> Any:
    """Writes `task` with perturbed weights and a batch with its random numbers, and computes this package's results.

    Returns:
      {"terms/NAME": [B], "gradients/NAME": array} for that batch.
    """
    import tensorflow as tf

    from tf_elepose.methods import replicas

    settings, images, weights = read_task(task)
    rng = np.random.default_rng(0)
    constant = ("prior/mean", "prior/basis", "prior/deviation")
    weights = {
        name: values if name in constant or name.endswith("/rotation")
        else values + rng.normal(0.0, _PERTURBED, values.shape).astype(np.float32)
        for name, values in weights.items()
    }  # fmt: skip
    stored = {f"weights/{name}": values for name, values in weights.items()}
    files.write_npz(perturbed, {"settings": np.array(json.dumps(settings)), "images": images} | stored)
    objective = objective_of(settings, weights)
    x, seed = images[rng.permutation(len(images))[:poses]], tf.constant([0, 1])
    azimuth = tf.random.stateless_uniform([poses], replicas.fold_in(seed, 0), -math.pi, math.pi)
    noise = tf.random.stateless_normal([poses], replicas.fold_in(seed, 1))
    files.write_npz(batch, {"x": x, "azimuth": azimuth.numpy(), "noise": noise.numpy()})
    given = {"image": tf.constant(x)}
    said = {f"terms/{name}": values.numpy() for name, values in objective.loss_terms(given, seed).items()}
    _, gradients = objective.gradients(given, seed)
    return said | {
        f"gradients/{variable.path}": np.asarray(values)
        for variable, values in zip(objective.variables, gradients, strict=True)
    }


def differences(said: Mapping[str, np.ndarray], also: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Largest difference of the two programs, relative to the largest value of the term or of the gradient's array.

    Raises:
      ValueError: one has a term or gradient that the other lacks.
    """
    if said.keys() != also.keys():
        raise ValueError(f"only one of the two programs has {', '.join(sorted(said.keys() ^ also.keys())[:5])}")
    worst = {"terms": 0.0, "gradients": 0.0}
    for name, values in said.items():
        kind = name.partition("/")[0]
        largest = max(float(np.abs(values).max()), 1e-6)
        worst[kind] = max(worst[kind], float(np.abs(values - also[name]).max()) / largest)
    return worst


def operations(settings: Mapping[str, Any]) -> float:
    """Floating-point operations in the matrix products of one sample's step; 2 for a multiplication with addition.

    The lifter runs twice, forwards and then backwards for weights and inputs (the data's own inputs need no gradient),
    the second time without the elevation where no term asks for it; the frozen flow once, backwards for inputs only.
    The other operations of the step are a few thousand.
    """
    size, joints, bases = settings["size"], settings["joints"], settings["bases"]
    width = size["width"]
    blocks = 5 if size["arch"] == "code" else 6  # Of both paths; the depths' alone has 3.
    upscale, both = 2 * joints * width, 2 * blocks * width**2 + (joints + 1) * width
    again = both if settings["term_weights"].get("elevation") else 2 * 3 * width**2 + joints * width
    lifter = 3 * (upscale + both) - upscale + 3 * (upscale + again)
    kept, hidden = bases // 2, size["prior_width"]
    layers = size["prior_layers"]
    subnet = kept * hidden + (layers - 1) * hidden**2 + hidden * 2 * (bases - kept)
    flow = 2 * (size["prior_blocks"] * (subnet + bases**2) + 2 * joints * bases)
    return 2.0 * (lifter + flow)


def _new_objective(config: Any, normalizer: Any, images: np.ndarray, bone_prior: Any) -> Any:
    from tf_elepose.methods.elepose import ElePose, EleposeObjective
    from tf_elepose.nn import pca
    from tf_elepose.nn.pose_prior import PosePrior
    from tf_elepose.recipes.elepose.run import new_lifter
    from tf_elepose.skeleton.skeletons import H36M_17

    flow = {key: config.prior[key] for key in ("blocks", "width", "layers")}
    prior = PosePrior(pca.fit_pca(images.reshape(len(images), -1), config.prior.bases), **flow)
    prior.build()
    options = config.lifter
    lifter = new_lifter(H36M_17, normalizer, width=options.width, arch=options.arch, precision="float32", seed=0)
    return EleposeObjective(
        ElePose(H36M_17, normalizer, prior, lifter), bone_prior=bone_prior,
        term_weights=options.term_weights.to_dict(), likelihood_ceiling=options.likelihood_ceiling,
    )  # fmt: skip


def _networks(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of the networks; a new model has no statistics yet."""
    return {name: variable for name, variable in variables.items() if not name.startswith("statistics/")}


def _weights(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {f"weights/{name}": np.asarray(variable) for name, variable in _networks(variables).items()}
