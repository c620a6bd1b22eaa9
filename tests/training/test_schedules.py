"""Learning rates against closed forms."""

import math

import keras
import numpy as np
import pytest

from tf_elepose.training.schedules import SCHEDULES, make_schedule

OPTIONS = {
    "constant": {},
    "cosine": {"warmup": 0.1, "floor": 0.0},
    "exponential": {"decay": 0.95},
    "steps": {"epochs": [10, 20, 30], "factor": 0.1},
}


def rates(name, steps, steps_per_epoch=7, learning_rate=2e-4, **options):
    schedule = make_schedule(
        name, learning_rate=learning_rate, steps=steps, steps_per_epoch=steps_per_epoch,
        options={**OPTIONS[name], **options},
    )  # fmt: skip
    return np.array([float(schedule(step)) for step in range(steps)])


def test_constant():
    np.testing.assert_allclose(rates("constant", 50), np.full(50, 2e-4), rtol=1e-6)


def test_the_papers_prior_a_tenth_after_10_20_and_30_epochs():
    epoch = np.arange(35 * 7) // 7  # The first step of epoch 10, counted from 0, already has a tenth.
    expected = np.select([epoch < 10, epoch < 20, epoch < 30], [1e-4, 1e-5, 1e-6], 1e-7)
    np.testing.assert_allclose(rates("steps", 35 * 7, learning_rate=1e-4), expected, rtol=1e-5)


def test_fractions_of_an_epoch():
    np.testing.assert_allclose(rates("steps", 6, 5, 1.0, epochs=[0.5], factor=0.5), [1, 1, 1, 0.5, 0.5, 0.5])


def test_the_papers_lifter_095_every_epoch():
    epoch = np.arange(20 * 7) // 7
    np.testing.assert_allclose(rates("exponential", 20 * 7), 2e-4 * 0.95**epoch, rtol=1e-5)


def test_cosine_without_warmup():
    expected = [0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / 40)) for step in range(40)]
    np.testing.assert_allclose(rates("cosine", 40, learning_rate=1.0, warmup=0.0, floor=0.1), expected, rtol=1e-5)


def test_cosine_rises_to_its_peak_and_falls_to_its_floor():
    got = rates("cosine", 40, learning_rate=1.0, warmup=0.25, floor=0.0)
    np.testing.assert_allclose(got[:10], np.arange(1, 11) / 10, rtol=1e-5)
    expected = [0.5 * (1 + math.cos(math.pi * (step - 10) / 30)) for step in range(10, 40)]
    np.testing.assert_allclose(got[10:], expected, rtol=1e-4, atol=1e-6)
    past = make_schedule("cosine", learning_rate=1.0, steps=40, steps_per_epoch=7, options=OPTIONS["cosine"])
    assert float(past(400)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_drives_an_optimizer(name):
    schedule = make_schedule(name, learning_rate=0.5, steps=20, steps_per_epoch=7, options=OPTIONS[name])
    weight = keras.Variable(1.0)
    optimizer = keras.optimizers.SGD(schedule)
    optimizer.build([weight])
    before = float(weight)
    optimizer.apply_gradients([(keras.ops.ones(()), weight)])
    assert float(weight) == pytest.approx(before - float(schedule(0)), rel=1e-6)
    assert float(schedule(0)) > 0


def test_options_are_checked():
    with pytest.raises(ValueError, match="unknown schedule 'linear'; expected one of constant, cosine"):
        make_schedule("linear", learning_rate=1, steps=1, steps_per_epoch=1, options={})
    with pytest.raises(ValueError, match=r"schedule 'exponential' takes \['decay'\]; got \[\]"):
        make_schedule("exponential", learning_rate=1, steps=1, steps_per_epoch=1, options={})
