"""The names and the order of each network's variables: files name them, and optimizers count on their order."""

import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_elepose import nn
from tf_elepose.nn import pca
from tf_elepose.nn.blocks import BranchedTrunk, ResidualTrunk
from tf_elepose.nn.canonical_lifter import CanonicalLifter
from tf_elepose.nn.completer import PoseCompleter
from tf_elepose.nn.critic import Critic
from tf_elepose.nn.lifters import DepthElevationLifter
from tf_elepose.nn.morpher import PoseMorpher
from tf_elepose.nn.part_filler import PartFiller
from tf_elepose.nn.part_lifter import PartLifter
from tf_elepose.nn.pose_lifter import PoseLifter
from tf_elepose.nn.pose_statistics import blank_statistics
from tf_elepose.nn.student import PoseStudent

STATISTICS = ["mean", "precision", "deviation"]


def dense(*layers):
    return [f"{layer}/{part}" for layer in layers for part in ("kernel", "bias")]


def blocks(*names):
    return dense(*(f"{name}/{layer}" for name in names for layer in ("first", "second")))


def residual(depth):
    return [*dense("upscale"), *blocks(*(f"block_{i}" for i in range(depth))), *dense("head")]


def branched(*names, heads=("depth_head", "elevation_head")):
    return [*dense("upscale"), *blocks(*names), *dense(*heads)]


CODE = branched("shared_0", "depth_0", "depth_1", "elevation_0", "elevation_1")
PAPER = branched(*(f"{branch}_{i}" for branch in ("depth", "elevation") for i in range(3)))
CANONICAL = branched("shared_0", "pose_0", "pose_1", "rotation_0", "rotation_1", heads=("pose_head", "rotation_head"))
PARTS = [f"{part}/{name}" for part in ("legs", "torso") for name in CODE]


def subspace():
    return pca.fit_pca(np.random.default_rng(0).normal(size=(20, 8)), 3)


def lifter(arch="code", **options):
    return DepthElevationLifter(4, width=6, arch=arch, input_deviation=0.1, **options)


NETWORKS = {
    "lifter, code": (lifter, "lifter", CODE),
    "lifter, paper": (lambda: lifter("paper"), "lifter", PAPER),
    "lifter of parts": (
        lambda: PartLifter(4, [[0, 1], [2]], ["legs", "torso"], width=6, arch="code", input_deviation=0.1),
        "lifter", PARTS,
    ),
    "canonical lifter": (
        lambda: CanonicalLifter(4, 0, blank_statistics(4), width=6, confidences=True), "lifter", CANONICAL + STATISTICS,
    ),
    "pose lifter": (lambda: PoseLifter(4, width=6, input_deviation=0.1, distance=10.0), "lifter", residual(3)),
    "completer": (lambda: PoseCompleter(4, blank_statistics(4), width=6), "completer", residual(2) + STATISTICS),
    "student": (lambda: PoseStudent(4, blank_statistics(4), width=6, depth=1), "student", residual(1) + STATISTICS),
    "morpher": (lambda: PoseMorpher(4, width=6, input_deviation=0.1), "morpher", residual(2)),
    "filler": (lambda: PartFiller(4, 2, width=6, name="legs_filler"), "legs_filler", residual(3)),
    "critic": (lambda: Critic(subspace(), width=6), "critic", [*residual(2)[:-1], "mean", "basis", "deviation"]),
}  # fmt: skip


@pytest.mark.parametrize(("make", "prefix", "names"), NETWORKS.values(), ids=NETWORKS)
def test_names_and_order_of_variables(make, prefix, names):
    network = make()
    network.build()
    trained = [name for name in names if "/" in name]
    fixed = [name for name in names if "/" not in name]
    assert [variable.path for variable in network.trainable_variables] == [f"{prefix}/{name}" for name in trained]
    assert [variable.path for variable in network.non_trainable_variables] == [f"{prefix}/{name}" for name in fixed]
    assert network.width == 6


def test_the_list_above_has_every_network_that_holds_a_trunk():
    modules = [importlib.import_module(f"tf_elepose.nn.{found.name}") for found in pkgutil.iter_modules(nn.__path__)]
    holding = {
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, keras.Model) and "Trunk(" in inspect.getsource(kind)
    }
    assert holding == {type(make()) for make, _, _ in NETWORKS.values()} - {PartLifter}


def test_what_a_network_does_not_take_is_refused():
    with pytest.raises(TypeError, match="depht"):
        PoseMorpher(4, width=6, input_deviation=0.1, depht=3)
    with pytest.raises(TypeError, match="width"):
        PoseMorpher(4, input_deviation=0.1)


def test_a_branched_trunk_of_shared_blocks_is_a_residual_trunk():
    """With all blocks shared and one branch the two have the same layers, so the same seed gives the same weights."""
    plain = ResidualTrunk(5, 2, width=6, depth=2, seed=3)
    branch = BranchedTrunk(5, {"all": 2}, width=6, shared=2, depth=0, activated=True, scales={"all": 0.01}, seed=3)
    for trunk in (plain, branch):
        trunk.build()
    x = tf.constant(np.random.default_rng(1).normal(size=(4, 5)), tf.float32)
    np.testing.assert_array_equal(plain(x), branch(x)["all"])
    assert plain(x).shape == (4, 2) and np.any(plain(x) != plain(-x))
