"""Small poses, priors, models and objectives that tests share."""

import numpy as np

from tf_elepose import default_config
from tf_elepose.methods.canonpose import CanonPose, CanonposeObjective
from tf_elepose.methods.distilled import Distilled, DistilledObjective
from tf_elepose.methods.elepose import TERMS, ElePose, EleposeObjective
from tf_elepose.methods.links import LInKs, new_fillers, new_part_lifter
from tf_elepose.methods.supervised import Supervised, SupervisedObjective, new_pose_lifter
from tf_elepose.methods.svmac import SVMAC, SvmacObjective, new_generator
from tf_elepose.methods.svmac import TERMS as SVMAC_TERMS
from tf_elepose.methods.view_settings import ViewSettings
from tf_elepose.nn import pca, pose_statistics
from tf_elepose.nn.canonical_lifter import CanonicalLifter
from tf_elepose.nn.completer import PoseCompleter
from tf_elepose.nn.critic import Critic
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.nn.student import PoseStudent
from tf_elepose.normalization import Normalizer
from tf_elepose.recipes.elepose.run import new_lifter
from tf_elepose.skeleton.anthropometry import BonePrior
from tf_elepose.skeleton.skeletons import H36M_17

PRIOR = {"blocks": 2, "width": 8, "layers": 1, "seed": 4}
PAPER_WEIGHTS = {
    **dict.fromkeys(TERMS, 0.0),
    **{"likelihood": 1.0, "bone": 50.0, "lifting": 1.0, "deformation": 1.0, "reprojection": 1.0},
}
# Of all terms, so that a new one is tested wherever these are.
ALL_WEIGHTS = {name: weight or 1.0 for name, weight in PAPER_WEIGHTS.items()} | {"knees": 3.0, "elevation": 20.0}

# A standing person of about one unit from root to head, x to their left, y up, z to their front.
STANDING = {
    "root": (0, 0, 0), "r_hip": (-0.2, 0, 0), "r_knee": (-0.2, -0.65, 0.1), "r_ankle": (-0.2, -1.3, 0),
    "l_hip": (0.2, 0, 0), "l_knee": (0.2, -0.65, 0.1), "l_ankle": (0.2, -1.3, 0),
    "spine": (0, 0.35, 0), "thorax": (0, 0.7, 0), "nose": (0, 0.85, 0.1), "head": (0, 1, 0),
    "l_shoulder": (0.25, 0.65, 0), "l_elbow": (0.3, 0.25, 0), "l_wrist": (0.3, -0.1, 0.1),
    "r_shoulder": (-0.25, 0.65, 0), "r_elbow": (-0.3, 0.25, 0), "r_wrist": (-0.3, -0.1, 0.1),
}  # fmt: skip


def standing(skeleton=H36M_17):
    """[J, 3] in the body's axes above: left, up, front."""
    return np.array([STANDING[joint] for joint in skeleton.joints], np.float64)


def poses_2d(count, seed=0):
    """[count, J, 2] px: people with swinging limbs, turned all ways, seen by cameras looking 0 to 20 degrees down."""
    rng = np.random.default_rng(seed)
    body = standing() + 0.12 * rng.normal(size=(count, *standing().shape))
    turn, tilt = rng.uniform(-np.pi, np.pi, count), np.deg2rad(rng.uniform(0, 20, count))
    left, up, front = body[..., 0], body[..., 1], body[..., 2]
    right = np.cos(turn)[:, None] * left + np.sin(turn)[:, None] * front
    away = -np.sin(turn)[:, None] * left + np.cos(turn)[:, None] * front
    down = -up * np.cos(tilt)[:, None] - away * np.sin(tilt)[:, None]
    depth = 10 + away * np.cos(tilt)[:, None] - up * np.sin(tilt)[:, None]
    return np.stack([500 + 1000 * right / depth, 400 + 1000 * down / depth], axis=-1).astype(np.float32)


def normalized(count=64, seed=0, rule="dataset"):
    """Normalised poses [count, J, 2] and their normalizer."""
    normalizer = Normalizer.fit(poses_2d(count, seed), H36M_17, rule=rule)
    return normalizer.apply(poses_2d(count, seed))[0], normalizer


def perturb(variables, deviation, seed=0):
    """Adds normal noise to every variable: networks that start special (as a rotation, level, flat) then are not."""
    rng = np.random.default_rng(seed)
    for variable in variables:
        variable.assign(np.asarray(variable) + rng.normal(0.0, deviation, variable.shape).astype(np.float32))


def small_prior(image, bases=6, **changes):
    prior = PosePrior(pca.fit_pca(image.reshape(len(image), -1), bases), **{**PRIOR, **changes})
    prior.build()
    return prior


def small_completer(noise=0.1):
    image, _ = normalized()
    completer = PoseCompleter(H36M_17.num_joints, fit_statistics(image.reshape(len(image), -1)), width=8, seed=6)
    completer.build()
    perturb(completer.trainable_variables, noise)
    return completer


def solve_quickly(patch):
    """See quick_completer.py."""
    patch.setattr(pose_statistics, "ITERATIONS", 2)


def bone_prior():
    """H36M's lengths, every bone with a deviation of its own."""
    lengths = np.asarray(H36M_17.bone_prior, np.float32)
    return BonePrior(lengths / lengths.mean(), np.linspace(0.5, 2.0, len(lengths), dtype=np.float32))


def small_elepose_objective(
    rule="dataset", *, bases=6, width=12, noise=0.1, term_weights=None, skeleton=H36M_17, arch="code", seed=0,
    precision="float32", likelihood_ceiling=0.0, **options,
):  # fmt: skip
    """An ElePose's objective, its model of unusual weights, and 64 normalised poses: every term and branch of it does
    something.
    """
    image, normalizer = normalized(rule=rule)
    prior = small_prior(image, bases)
    perturb(prior.trainable_variables, noise)
    lifter = new_lifter(skeleton, normalizer, width=width, arch=arch, precision=precision, seed=seed)
    objective = EleposeObjective(
        ElePose(skeleton, normalizer, prior, lifter, **options), bone_prior=bone_prior(),
        term_weights=term_weights or ALL_WEIGHTS, likelihood_ceiling=likelihood_ceiling,
        half=precision == "mixed_bfloat16",
    )  # fmt: skip
    perturb(lifter.trainable_variables, noise)
    return objective, image


def small_links_objective(
    rule="dataset", *, width=12, noise=0.1, fill=True, skeleton=H36M_17, arch="code", **options
):  # fmt: skip
    """The objective of a `LInKs` of unusual weights, and 64 normalised poses."""
    image, normalizer = normalized(rule=rule)
    flat, parts = image.reshape(len(image), -1), []
    for joints, bases in zip(H36M_17.halves.values(), (4, 5), strict=True):
        places = [2 * joint + axis for joint in H36M_17.indices(joints) for axis in range(2)]
        parts.append((pca.fit_pca(flat[:, places], bases), places))
    prior = PosePrior(pca.side_by_side(parts, flat.shape[1]), **PRIOR)
    prior.build()
    perturb(prior.trainable_variables, noise)
    lifter = new_part_lifter(skeleton, normalizer, width=width, arch=arch)
    fillers = new_fillers(skeleton, width=10) if fill else {}
    model = LInKs(skeleton, normalizer, prior, lifter, fillers=fillers, **options)
    weights = {**PAPER_WEIGHTS, "knees": 3.0}
    objective = EleposeObjective(model, bone_prior=bone_prior(), term_weights=weights)
    perturb(lifter.trainable_variables, noise)
    for filler in fillers.values():
        perturb(filler.trainable_variables, noise)
    return objective, image


CANONPOSE_WEIGHTS = {
    "reprojection": 1.0, "view": 2.0, "camera": 0.5, "knees": 3.0, "pose_equality": 0.3, "camera_equality": 0.2,
}  # fmt: skip


def small_canonpose_objective(
    rule="dataset", *, views=3, width=12, noise=0.1, term_weights=None, confidences=True, **options
):
    """The objective of a CanonPose of unusual weights, and 64 moments of normalised poses [64, views, J, 2], which are
    not of one body: every term of it does something.
    """
    image, normalizer = normalized(64 * views, rule=rule)
    lifter = CanonicalLifter(
        H36M_17.num_joints, H36M_17.root_index, fit_statistics(image.reshape(len(image), -1)), width=width,
        confidences=confidences,
    )  # fmt: skip
    lifter.build()
    model = CanonPose(H36M_17, normalizer, lifter, **options)
    perturb(lifter.trainable_variables, noise)
    objective = CanonposeObjective(model, term_weights=term_weights or CANONPOSE_WEIGHTS)
    return objective, image.reshape(64, views, H36M_17.num_joints, 2)


def small_supervised_objective(rule="dataset", *, width=12, noise=0.1, **options):
    """The objective of a `Supervised` of unusual weights, and 64 normalised poses."""
    image, normalizer = normalized(rule=rule)
    model = Supervised(H36M_17, normalizer, new_pose_lifter(H36M_17, normalizer, width=width), **options)
    perturb(model.lifter.trainable_variables, noise)
    return SupervisedObjective(model), image


def small_distilled_objective(*, width=12, noise=0.1):
    """The objective of a `Distilled` of unusual weights, to be trained on spoilt views, and 64 normalised poses."""
    image, normalizer = normalized(rule="pose")
    prior = small_prior(image)
    perturb(prior.trainable_variables, noise)
    student = PoseStudent(H36M_17.num_joints, fit_statistics(image.reshape(len(image), -1)), width=width, depth=1)
    student.build()
    model = Distilled(H36M_17, normalizer, prior, student)
    model.density.elevation_mean.assign(-0.17)
    model.density.elevation_deviation.assign(0.1)
    perturb(student.trainable_variables, noise)
    views = ViewSettings(**default_config.get_distilled_config().views.to_dict())
    return DistilledObjective(model, views=views, term_weights={"pose": 1.0, "elevation": 0.2}), image


SVMAC_WEIGHTS = dict(zip(SVMAC_TERMS, (0.5, 1.0, 2.0, 3.0, 0.7, 10.0, 1.5, 2.5), strict=True))


def small_svmac_objective(
    rule="dataset", *, angles=2, width=12, noise=0.1, term_weights=None, critic_width=10, critic_steps=2,
    batch_norm=True, dropout=0.2, **options,
):  # fmt: skip
    """The objective of an `SVMAC` of unusual weights, with all of its terms, and 64 normalised poses."""
    image, normalizer = normalized(rule=rule)
    generator = new_generator(H36M_17, normalizer, width=width, batch_norm=batch_norm, dropout=dropout)
    critic = Critic(pca.fit_pca(image.reshape(len(image), -1), 6), width=critic_width)
    critic.build()
    objective = SvmacObjective(
        SVMAC(H36M_17, normalizer, generator, **options), critic, angles=angles, critic_steps=critic_steps,
        term_weights=term_weights or SVMAC_WEIGHTS,
    )  # fmt: skip
    perturb(objective.variables, noise)
    return objective, image


def _model_of(make):
    """The same, with the model in place of its objective."""

    def made(*arguments, **options):
        objective, image = make(*arguments, **options)
        return objective.model, image

    return made


small_elepose = _model_of(small_elepose_objective)
small_links = _model_of(small_links_objective)
small_canonpose = _model_of(small_canonpose_objective)
small_supervised = _model_of(small_supervised_objective)
small_distilled = _model_of(small_distilled_objective)
small_svmac = _model_of(small_svmac_objective)


def arrays(objective, image, seed=0):
    """What batches of `objective` hold: normalised poses `image` [N, J, 2], and depths made up where it wants them."""
    depth = np.random.default_rng(seed).normal(0.0, 0.3, image.shape[:-1]).astype(np.float32)
    depth[:, H36M_17.root_index] = 0.0
    made_up = {"image": image, "pose": np.concatenate([10.0 * image, depth[..., np.newaxis]], axis=-1)}
    return {name: made_up[name] for name in objective.batch_arrays}


def weights64(variables):
    """Variables by name as float64 arrays, for the float64 rewrite."""
    return {name: np.asarray(variable).astype(np.float64) for name, variable in variables.items()}
