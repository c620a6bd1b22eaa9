"""The inner loop is traced once, updates weights correctly, and stops when a number is not finite."""

import keras
import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.data.pipeline import Batches
from tf_elepose.methods.elepose import TERMS
from tf_elepose.methods.objective import Objective
from tf_elepose.methods.prior import PriorFitting
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training.loop import Loop, NotFiniteError

pytest_plugins = ("outside_graphs",)


class Line(keras.Model):
    """A network with a single weight vector of two numbers."""

    def __init__(self):
        super().__init__(name="line")
        self.w = self.add_weight(shape=(2,), initializer="ones", name="w")
        self.built = True


class Fit(Objective):
    """Terms with gradients known by hand: "square" |w|^2 / 2 and "pull" -3 w_0, the same for every pose."""

    def __init__(self):
        self.networks = {"line": Line()}
        self.term_weights = {"square": 1.0, "pull": 2.0}
        self.traces = 0

    def loss_terms(self, batch, seed):
        self.traces += 1
        w = self.networks["line"].w.value
        ones = tf.ones(tf.shape(batch["image"])[0])
        return {"square": 0.5 * tf.reduce_sum(w * w) * ones, "pull": -3.0 * w[0] * ones}


def loop(objective, image=None, rate=0.1, batch_size=8, **options):
    image = small_models.normalized()[0] if image is None else image
    resident = options.pop("resident_bytes", 1 << 30)
    batches = Batches({"image": image}, H36M_17, batch_size=batch_size, seed=1, flip=True, resident_bytes=resident)
    optimizers = {name: keras.optimizers.SGD(rate) for name in objective.networks}
    return Loop(objective, optimizers, batches, tf.distribute.get_strategy(), seed=2, **options)


def weights(objective):
    return objective.variables[0].numpy()


# ---- one step by hand: w = (1, 1), gradient (1 - 6, 1) = (-5, 1), norm sqrt(26) -------------------------------------


def test_a_step_worked_by_hand():
    fit = Fit()
    values = loop(fit).run(0, 1)
    np.testing.assert_allclose(weights(fit), [1.5, 0.9], rtol=1e-6)
    assert values == pytest.approx({"square": 1.0, "pull": -3.0, "loss": -5.0, "gradient_norm": 26**0.5}, rel=1e-6)


def test_weight_decay_is_added_to_the_gradient():
    fit = Fit()
    loop(fit, weight_decay=0.5).run(0, 2)
    # Step 1: gradient (-5 + .5, 1 + .5). Step 2 at (1.45, .85): (1.45 - 6 + .725, .85 + .425).
    np.testing.assert_allclose(weights(fit), [1.45 + 0.3825, 0.85 - 0.1275], rtol=1e-6)


def test_weight_decay_passes_through_adam_as_l2():
    """Adam's first step is the sign of the whole gradient, decay and all; decoupled decay would change its size."""
    fit = Fit()
    step = loop(fit, weight_decay=10.0)
    step._optimizers["line"] = keras.optimizers.Adam(0.1, epsilon=1e-8)
    step.run(0, 1)
    np.testing.assert_allclose(weights(fit), [0.9, 0.9], rtol=1e-5)  # Gradient (-5 + 10, 1 + 10): both positive.


def test_clip_norm_bounds_the_gradient_and_reports_its_full_norm():
    fit = Fit()
    values = loop(fit, clip_norm=2.0).run(0, 1)
    np.testing.assert_allclose(weights(fit), np.array([1, 1]) - 0.1 * 2 * np.array([-5, 1]) / 26**0.5, rtol=1e-6)
    assert values["gradient_norm"] == pytest.approx(26**0.5)
    other = Fit()
    loop(other, clip_norm=6.0).run(0, 1)  # Long enough: nothing is clipped.
    np.testing.assert_allclose(weights(other), [1.5, 0.9], rtol=1e-6)


def test_clipping_comes_before_decay():
    fit = Fit()
    loop(fit, clip_norm=2.0, weight_decay=0.5).run(0, 1)
    gradient = 2 * np.array([-5, 1]) / 26**0.5 + 0.5
    np.testing.assert_allclose(weights(fit), 1 - 0.1 * gradient, rtol=1e-6)


def test_values_are_means_over_the_steps():
    fit = Fit()
    values = loop(fit).run(0, 2)  # w_0: 1, then 1.5.
    assert values["pull"] == pytest.approx(-3 * 1.25) and values["square"] == pytest.approx((1 + 1.53) / 2)


def test_averages_follow_the_weights():
    fit = Fit()
    step = loop(fit, average_decay=0.5)
    step.run(0, 3)
    # Weights after each step by hand, w <- w - 0.1 (w - (6, 0)); decays min(0.5, (1 + t) / (10 + t)).
    w, average = np.array([1.0, 1.0]), np.array([1.0, 1.0])
    for t in range(3):
        w = w - 0.1 * (w - np.array([6.0, 0.0]))
        decay = min(0.5, (1 + t) / (10 + t))
        average = decay * average + (1 - decay) * w
    (got,) = step.averages.values()
    np.testing.assert_allclose(got, average, rtol=1e-5)
    np.testing.assert_allclose(weights(fit), w, rtol=1e-5)
    assert loop(Fit()).averages == {}


# ---- traces and the whole method ------------------------------------------------------------------------------------


@pytest.mark.parametrize("resident_bytes", [1 << 30, 0])
def test_many_steps_are_traced_once(resident_bytes):
    fit = Fit()
    step = loop(fit, resident_bytes=resident_bytes)
    for first, count in ((0, 1), (1, 7), (8, 2), (40, 3)):
        step.run(first, count)
    assert step._steps.experimental_get_tracing_count() == 1 and fit.traces == 1


def trained(**options):
    method, image = small_models.small_elepose_objective(noise=0.05)
    step = loop(method, image, rate=2e-5, **options)
    values = step.run(0, 4), step.run(4, 2)
    return method, values, step


def test_cuts_and_sources_of_batches_do_not_change_the_weights():
    method, values, step = trained()
    assert step._steps.experimental_get_tracing_count() == 1
    streamed, streamed_values, _ = trained(resident_bytes=0)
    in_parts = [np.asarray(variable) for variable in method.variables]
    start = [np.asarray(variable) for variable in small_models.small_elepose_objective(noise=0.05)[0].variables]
    assert max(np.abs(a - b).max() for a, b in zip(start, in_parts, strict=True)) > 1e-3
    for variable, value in zip(method.variables, start, strict=True):
        variable.assign(value)
    step.run(0, 6)
    for other in (streamed, method):
        for a, b in zip(in_parts, other.variables, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-7, err_msg=b.path)
    assert set(values[0]) == {*TERMS, "loss", "gradient_norm"}
    assert streamed_values[1] == pytest.approx(values[1], rel=1e-5)
    assert values[0]["loss"] == pytest.approx(sum(w * values[0][n] for n, w in method.term_weights.items()), rel=1e-5)


def test_xla_gives_the_same_training():
    """Tested on the prior, which draws no random numbers: XLA draws other numbers from the same seed."""
    image, _ = small_models.normalized()
    fits = [PriorFitting(small_models.small_prior(image)) for _ in range(2)]
    steps = [loop(fit, image, rate=1e-2, jit_compile=xla) for fit, xla in zip(fits, (False, True), strict=True)]
    plain, xla = (step.run(0, 6) for step in steps)
    assert xla == pytest.approx(plain, rel=1e-4)
    for a, b in zip(fits[0].variables, fits[1].variables, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6, err_msg=a.path)
    steps[1].run(6, 2)
    assert steps[1]._steps.experimental_get_tracing_count() == 1


# ---- numbers that are not finite ------------------------------------------------------------------------------------


def test_a_term_that_is_not_finite_is_named():
    method, image = small_models.small_elepose_objective(noise=0.05)
    honest, poison = method.loss_terms, tf.Variable("none")

    def poisoned(batch, seed):
        one_example = tf.one_hot(3, tf.shape(batch["image"])[0])
        return {
            name: term + one_example * tf.where(poison == name, np.nan, 0.0)
            for name, term in honest(batch, seed).items()
        }

    method.loss_terms = poisoned
    step = loop(method, image, rate=1e-6)
    start = [np.asarray(variable) for variable in method.variables]
    for term in TERMS:
        poison.assign("none")
        for variable, value in zip(method.variables, start, strict=True):
            variable.assign(value)
        step.run(0, 3)
        poison.assign(term)
        with pytest.raises(NotFiniteError, match=f"^training stopped: {term} not finite in step 3$"):
            step.run(3, 4)  # In later steps every term is not finite; the first must be named.


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_pose_that_is_not_finite_stops_training(value, outside_graphs):
    method, image = small_models.small_elepose_objective(noise=0.05)
    image = image.copy()
    image[5, 3, 1] = value
    with pytest.raises(NotFiniteError, match=r"reprojection.* not finite in step [01]$"):
        loop(method, image, rate=1e-6, batch_size=32).run(0, 2)  # All 64 poses.


def test_an_infinite_gradient_of_finite_terms_is_an_error():
    fit = Fit()
    honest = fit.loss_terms
    fit.loss_terms = lambda batch, seed: {
        **honest(batch, seed), "pull": tf.sqrt(tf.nn.relu(fit.networks["line"].w.value[0] - 1.0)) * tf.ones(8)
    }  # fmt: skip
    with pytest.raises(NotFiniteError, match="gradient_norm not finite in step 0"):
        loop(fit).run(0, 1)


# ---- refusals -------------------------------------------------------------------------------------------------------


class TwoReplicas:
    num_replicas_in_sync = 2


def test_options_that_replicas_do_not_support_are_refused():
    batches = Batches({"image": small_models.normalized()[0]}, H36M_17, batch_size=6, seed=1, flip=False)
    with pytest.raises(ValueError, match="batch_size 6 cannot be shared by 2 replicas in pairs; use a multiple of 4"):
        Loop(Fit(), {}, batches, TwoReplicas(), seed=0)
    batches = Batches({"image": small_models.normalized()[0]}, H36M_17, batch_size=8, seed=1, flip=False)
    with pytest.raises(ValueError, match="jit_compile works on one replica only; this strategy has 2"):
        Loop(Fit(), {}, batches, TwoReplicas(), seed=0, jit_compile=True)
