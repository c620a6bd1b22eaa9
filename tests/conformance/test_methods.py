"""Claims about every method: the list is all of `METHODS`, so a new method is tested here, or these tests fail.

The file is long because all claims read the same models, which are made once.
"""

import dataclasses
import functools
import json

import numpy as np
import pytest
import small_models
import tensorflow as tf
from same_training import require_same_training

from tf_elepose.data.pipeline import Batches
from tf_elepose.methods.completion import CompletionFitting
from tf_elepose.methods.filling import FillFitting
from tf_elepose.methods.morphing import MorphFitting
from tf_elepose.methods.objective import Objective
from tf_elepose.methods.prior import PriorFitting
from tf_elepose.methods.registry import METHODS
from tf_elepose.nn.morpher import PoseMorpher
from tf_elepose.nn.variables import named_variables
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training import workdir
from tf_elepose.training.adam import Adam
from tf_elepose.training.checkpoint import Checkpointer, assign
from tf_elepose.training.loop import Loop

pytest_plugins = ("quick_completer", "outside_graphs")
pytestmark = pytest.mark.usefixtures("quick_completer")

SEED = tf.constant([5, 6])

# How tests make a small objective of each method: it and normalised poses.
OBJECTIVE_MAKERS = {
    "elepose": lambda: small_models.small_elepose_objective(noise=0.05),
    "links": lambda: small_models.small_links_objective(noise=0.05),
    "canonpose": lambda: small_models.small_canonpose_objective(noise=0.05),
    "distilled": lambda: small_models.small_distilled_objective(noise=0.05),
    "supervised": lambda: small_models.small_supervised_objective(noise=0.05),
    # One critic step: a run of two a step is stopped and resumed in recipes/svmac.
    "svmac": lambda: small_models.small_svmac_objective(noise=0.05, critic_steps=1),
}


def _prior():
    image, _ = small_models.normalized()
    prior = small_models.small_prior(image)
    small_models.perturb(prior.trainable_variables, 0.05)
    return PriorFitting(prior), image


def _completion():
    return CompletionFitting(small_models.small_completer()), small_models.normalized()[0]


def _filling():
    model, image = small_models.small_links(noise=0.05)
    return FillFitting(model), image


def _morphing():
    morpher = PoseMorpher(H36M_17.num_joints, width=8, input_deviation=0.1, seed=3)
    morpher.build()
    small_models.perturb(morpher.trainable_variables, 0.05)
    return MorphFitting(morpher), small_models.normalized()[0]


ALL_MAKERS = {
    **{name: make for name, make in OBJECTIVE_MAKERS.items() if name != "links"},  # It has ElePose's objective.
    "prior": _prior,
    "completion": _completion,
    "morphing": _morphing,
    "filling": _filling,
}

# Objectives of methods taught to complete poses, and normalised poses.
COMPLETING_MAKERS = {
    "elepose": lambda: small_models.small_elepose_objective(noise=0.05, completer=small_models.small_completer()),
    "links": lambda: small_models.small_links_objective(noise=0.05, completer=small_models.small_completer()),
    "canonpose": lambda: small_models.small_canonpose_objective(noise=0.05, hidden=0.5),
    "distilled": lambda: small_models.small_distilled_objective(noise=0.05),
    "supervised": lambda: small_models.small_supervised_objective(noise=0.05, completer=small_models.small_completer()),
    "svmac": lambda: small_models.small_svmac_objective(noise=0.05, completer=small_models.small_completer()),
}


@functools.cache
def made_once(make):
    """One of each for all tests that only read it: what it compiles serves them all."""
    return make()


def model_once(make):
    """The model of `made_once`, and normalised poses."""
    objective, image = made_once(make)
    return objective.model, image


def test_every_method_is_tested():
    assert set(OBJECTIVE_MAKERS) == set(METHODS) == set(COMPLETING_MAKERS)
    models = {name: type(model_once(make)[0]) for name, make in OBJECTIVE_MAKERS.items()}
    assert models == {name: row.model_class() for name, row in METHODS.items()}
    assert all(model.name == name for name, model in models.items())


def test_every_objective_is_tested():
    def below(kind):
        return {kind} | {deeper for child in kind.__subclasses__() for deeper in below(child)}

    packaged = {kind for kind in below(Objective) if kind.__module__.startswith("tf_elepose.")} - {Objective}
    assert {type(made_once(make)[0]) for make in ALL_MAKERS.values()} == packaged


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_recipe(name):
    row = METHODS[name]
    config = row.default_config()
    assert config.method == name and callable(row.run_class().prepare)
    assert dataclasses.is_dataclass(row.settings(config))
    known = {f"{stage}.{key}" for stage, values in config.items() if hasattr(values, "keys") for key in values}
    assert set(row.quick) <= known


def _batch(made, image):
    return {name: tf.constant(array) for name, array in small_models.arrays(made, image).items()}


@pytest.fixture(params=ALL_MAKERS)
def objective(request):
    return made_once(ALL_MAKERS[request.param])


@pytest.fixture(params=OBJECTIVE_MAKERS)
def method(request):
    """A model of the method, and normalised poses."""
    return model_once(OBJECTIVE_MAKERS[request.param])


@functools.cache
def stepped_once(make):
    """One of each, a batch, and the values and gradients of a step outside a graph: for the tests that look at them."""
    made, image = made_once(make)
    batch = _batch(made, image[:8])
    return made, batch, *made.gradients(batch, SEED)


@pytest.fixture(params=ALL_MAKERS)
def stepped(request):
    return stepped_once(ALL_MAKERS[request.param])


def test_terms_are_weighted_and_one_an_example(objective):
    made, image = objective
    terms = made.loss_terms(_batch(made, image[:8]), SEED)
    assert list(terms) == list(made.term_weights)
    assert all(term.shape == (8,) and np.all(np.isfinite(term)) for term in terms.values())


def test_steps_are_functions_of_weights_batch_and_seed(stepped):
    made, batch, values, gradients = stepped
    again, gradients_again = made.gradients(batch, SEED)
    assert {name: float(v) for name, v in values.items()} == {name: float(v) for name, v in again.items()}
    for a, b in zip(gradients, gradients_again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_are_finite_and_reach_every_weight(stepped):
    made, _, _, gradients = stepped
    assert len(gradients) == len(made.variables)
    for variable, gradient in zip(made.variables, gradients, strict=True):
        assert np.all(np.isfinite(gradient)) and np.any(gradient != 0), variable.path


@pytest.mark.parametrize("make", ALL_MAKERS.values(), ids=ALL_MAKERS)
def test_a_checkpoint_brings_back_weights_and_optimizer(make, outside_graphs, tmp_path):
    """The third and fourth step are the same for another object, from the checkpoint after the second."""
    (made, image), (again, _) = make(), make()
    loops, variables, rate = {}, {}, 1e-4
    for name, one in (("made", made), ("again", again)):
        optimizers = {key: Adam(rate, name="adam") for key in one.networks}
        for key, network in one.networks.items():
            optimizers[key].build(network.trainable_variables)
        batches = Batches(small_models.arrays(made, image), H36M_17, batch_size=8, seed=1, flip=True)
        loops[name] = Loop(one, optimizers, batches, tf.distribute.get_strategy(), seed=2)
        variables[name] = {
            **named_variables(one.networks),
            **{f"optimizer/{key}/{v.path}": v for key, optimizer in optimizers.items() for v in optimizer.variables},
        }
    loops["made"].run(0, 2)
    arrays = {name: np.asarray(variable) for name, variable in variables["made"].items()}
    Checkpointer(tmp_path).save(2, arrays, {})
    assign(variables["again"], Checkpointer(tmp_path).latest().arrays)
    for loop in loops.values():
        loop.run(2, 2)
    assert any(np.any(np.asarray(variable) != arrays[name]) for name, variable in variables["made"].items())
    require_same_training(variables["made"], variables["again"], rate)


def test_settings_are_plain_and_rebuild_the_method(method):
    made, _ = method
    settings = json.loads(json.dumps(made.settings))
    rebuilt = type(made).restore(settings)
    assert json.loads(json.dumps(rebuilt.settings)) == settings
    shapes = {name: tuple(variable.shape) for name, variable in made.saved_variables().items()}
    assert {name: tuple(variable.shape) for name, variable in rebuilt.saved_variables().items()} == shapes


def test_a_model_file_holds_the_whole_method(method, tmp_path):
    made, _ = method
    workdir.save_model(tmp_path / "model.npz", made, {})
    loaded = workdir.load_model(tmp_path)
    pixels = small_models.poses_2d(5, seed=3)
    np.testing.assert_array_equal(loaded.predict(pixels).poses_3d, made.predict(pixels).poses_3d)


def test_predictions_have_the_promised_shape_and_frame(method):
    made, _ = method
    pixels = small_models.poses_2d(7, seed=3)
    prediction = made.predict(pixels)
    assert prediction.poses_3d.shape == (7, 17, 3) and prediction.poses_3d.dtype == np.float32
    assert np.all(prediction.poses_3d[:, made.skeleton.root_index] == 0)
    assert prediction.elevation is None or prediction.elevation.shape == (7,)
    assert (prediction.canonical is not None) == (prediction.rotation is not None) == made.has_canonical
    if prediction.rotation is not None:
        np.testing.assert_allclose(np.linalg.det(prediction.rotation), 1.0, atol=1e-5)
    one_by_one = np.concatenate([made.predict(pixels[i : i + 1]).poses_3d for i in range(7)])
    np.testing.assert_allclose(one_by_one, prediction.poses_3d, atol=1e-5)  # Poses do not see each other.
    with pytest.raises(ValueError, match=r"expected \[N, 17, 2\] px"):
        made.predict(pixels[:, :5])


def test_samples_are_normalised_poses_that_can_be_lifted(method):
    made, image = method
    drawn = made.sample(200, seed=1)
    assert drawn.shape == (200, 17, 2) and drawn.dtype == np.float32 and np.all(np.isfinite(drawn))
    np.testing.assert_array_equal(drawn, made.sample(200, seed=1))
    assert 0.5 < drawn.std() / image.std() < 2.0
    assert np.all(np.isfinite(made.predict_normalized(drawn).poses_3d)) and made.title


def test_likelihoods_are_one_a_pose_and_follow_the_seed(method):
    made, _ = method
    pixels = small_models.poses_2d(7, seed=3)
    nll = made.likelihood(pixels, views=3, seed=5)
    if nll is None:
        return  # It knows no density.
    assert nll.shape == (7,) and nll.dtype == np.float32 and np.all(np.isfinite(nll))
    np.testing.assert_array_equal(made.likelihood(pixels, views=3, seed=5), nll)
    assert np.all(made.likelihood(pixels, views=3, seed=6) != nll)
    image, _ = made.normalizer.apply(pixels)
    np.testing.assert_array_equal(made.likelihood_normalized(image, views=3, seed=5), nll)
    directly = made.random_view_likelihood(*made.lift(tf.constant(image)), tf.constant([5, 0]), 3)
    np.testing.assert_allclose(directly, nll, rtol=1e-4)


@pytest.fixture(params=COMPLETING_MAKERS)
def completing(request):
    return model_once(COMPLETING_MAKERS[request.param])


def _seen(count, hidden=4):
    """[count, J]: in every pose other joints are hidden, in the first the root."""
    coins = np.random.default_rng(3).random((count, 17))
    coins[0, H36M_17.root_index] = -1.0
    return coins.argsort(axis=1).argsort(axis=1) >= hidden


@functools.cache
def stepped_with_hidden_joints(make):
    """The result of `stepped_once`, with joints hidden in half of the poses."""
    made, image = made_once(make)
    shows = image[:8, ..., 0]  # Of poses, or of all views of them.
    seen = _seen(shows[..., 0].size).reshape(shows.shape)
    seen[1::2] = True
    batch = _batch(made, image[:8] * seen[..., None]) | {"seen": tf.constant(seen)}
    return made, batch, *made.gradients(batch, SEED)


@pytest.mark.parametrize("name", COMPLETING_MAKERS)
def test_with_hidden_joints_terms_and_gradients_are_finite(name):
    made, _, values, gradients = stepped_with_hidden_joints(COMPLETING_MAKERS[name])
    assert all(np.isfinite(value) for value in values.values())
    for variable, gradient in zip(made.variables, gradients, strict=True):
        assert np.all(np.isfinite(gradient)) and np.any(gradient != 0), variable.path


# Steps of methods with hidden joints: they hold what the steps without do, and the completer.
GRAPHS = {name: functools.partial(stepped_once, make) for name, make in ALL_MAKERS.items()} | {
    name: functools.partial(stepped_with_hidden_joints, make) for name, make in COMPLETING_MAKERS.items()
}


@pytest.mark.parametrize("step", GRAPHS.values(), ids=GRAPHS)
def test_graph_gives_the_eager_step(step):
    made, batch, values, gradients = step()
    other, other_gradients = tf.function(made.gradients, autograph=False)(batch, SEED)
    scale = max(np.abs(gradient).max() for gradient in gradients)
    for name, value in values.items():
        np.testing.assert_allclose(other[name], value, rtol=2e-5, atol=2e-5)
    for a, b in zip(gradients, other_gradients, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6 * scale)


def test_coordinates_of_hidden_joints_have_no_influence(completing):
    made, _ = completing
    pixels, seen = small_models.poses_2d(7, seed=3), _seen(7)
    lifted = made.predict(pixels, seen=seen)
    assert lifted.valid.all() and np.all(np.isfinite(lifted.poses_3d))
    assert np.all(lifted.poses_3d[:, made.skeleton.root_index] == 0)
    for number in (np.nan, 1e30, 0.0):
        other = np.where(seen[..., None], pixels, np.float32(number))
        np.testing.assert_array_equal(made.predict(other, seen=seen).poses_3d, lifted.poses_3d)
    missing = np.where(seen[..., None], pixels, np.float32(np.nan))
    np.testing.assert_array_equal(made.predict(missing).poses_3d, lifted.poses_3d)  # NaN is never seen.
    whole = made.predict(pixels)
    assert np.abs(whole.poses_3d - lifted.poses_3d).max() > 1e-3


@pytest.mark.parametrize("make", [*OBJECTIVE_MAKERS.values(), *COMPLETING_MAKERS.values()])
def test_poses_with_too_few_seen_joints_are_not_valid_and_never_nan(make):
    made, _ = model_once(make)
    pixels, seen = small_models.poses_2d(6, seed=3), np.ones((6, 17), bool)
    seen[1] = False
    seen[2, 5:] = False
    pixels[3] = 7.0  # All on one point.
    pixels[4] = np.nan
    prediction = made.predict(pixels, seen=seen)
    assert prediction.valid.tolist() == [True, False, False, False, False, True]
    assert np.all(np.isfinite(prediction.poses_3d)) and np.all(prediction.poses_3d[1:5] == 0)
    assert prediction.elevation is None or np.all(np.isfinite(prediction.elevation))
    alone = made.predict(pixels[[0, 5]])
    np.testing.assert_allclose(prediction.poses_3d[[0, 5]], alone.poses_3d, atol=1e-5)
    seen[0, 3] = False
    assert made.predict(pixels, seen=seen).valid[0] == made.completes


def test_completing_methods_complete():
    assert all(model_once(make)[0].completes for make in COMPLETING_MAKERS.values())


def test_a_completing_method_is_stored_whole(completing, tmp_path):
    made, _ = completing
    workdir.save_model(tmp_path / "model.npz", made, {})
    loaded = workdir.load_model(tmp_path)
    pixels, seen = small_models.poses_2d(5, seed=3), _seen(5)
    np.testing.assert_array_equal(loaded.predict(pixels, seen=seen).poses_3d, made.predict(pixels, seen=seen).poses_3d)


def test_zero_poses_give_an_empty_prediction(method):
    made, _ = method
    prediction = made.predict(np.zeros((0, 17, 2), np.float32))
    assert prediction.poses_3d.shape == (0, 17, 3) and prediction.valid.shape == (0,)


def test_poses_that_cannot_be_lifted_have_an_infinite_nll(completing):
    made, _ = completing
    pixels, seen = small_models.poses_2d(4, seed=3), np.ones((4, 17), bool)
    seen[2] = False
    nll = made.likelihood(pixels, seen=seen, views=2)
    if nll is not None:
        assert np.isinf(nll).tolist() == [False, False, True, False]
