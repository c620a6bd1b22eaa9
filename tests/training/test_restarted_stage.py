"""Several starts: each from its own weights with a fresh optimizer, the best remains, interruptions change nothing."""

import dataclasses

import keras
import numpy as np
import pytest
import small_runs
import tensorflow as tf

from tf_elepose.data.pipeline import Batches
from tf_elepose.methods.trainable import Trainable
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.restarted_stage import RestartedStage
from tf_elepose.training.stage import StageSettings
from tf_elepose.training.strategy import make_strategy

SETTINGS = StageSettings(
    epochs=3.0, learning_rate=0.01, schedule="cosine", schedule_options={"warmup": 0.1, "floor": 0.0},
    weight_decay=0.0, clip_norm=0.0, steps_per_call=2, checkpoint_every=3, evaluate_every=4, jit_compile=False,
    average_decay=0.0, seed=5,
)  # fmt: skip
"""Three starts of 4 steps, an epoch each."""

FIRST = (2.03, 3.0, 1.0)


class Slope(Trainable):
    """A number whose gradient is always 1, so that Adam lowers it by the learning rate in each step."""

    def __init__(self):
        self.layer = keras.layers.Dense(1, use_bias=False, name="dense")
        self.network = keras.Sequential([self.layer], name="slope")
        self.network.build((None, 1))
        self.networks = {"slope": self.network}
        self.term_weights = {"height": 1.0}

    def loss_terms(self, batch, seed):
        return {"height": tf.reduce_mean(self.network(tf.ones_like(batch["image"][:, 0, :1])), axis=-1)}


def trained(folder, settings=SETTINGS, calls=None, monkeypatch=None, first=FIRST):
    slope, asked, seen = Slope(), [], []

    def first_weights(start):
        asked.append(start)
        return {slope.layer.kernel.path: np.full((1, 1), first[start], np.float32)}

    def evaluate():
        seen.append(float(slope.layer.kernel[0, 0]))
        return {"distance": abs(seen[-1] - 2.0)}

    batches = Batches({"image": np.zeros((32, 17, 2), np.float32)}, H36M_17, batch_size=8, seed=1, flip=False)
    stage = RestartedStage(
        "starts", folder, slope, batches, make_strategy("one_device"), settings,
        first_weights=first_weights, evaluate=evaluate, select="distance",
    )  # fmt: skip
    if calls is not None:
        small_runs.stop_after(monkeypatch, calls)
    with StopRequest() as stop:
        done = stage.run(None, stop)
    return done, float(slope.layer.kernel[0, 0]), asked, seen


def test_every_start_goes_as_far_from_its_own_weights_and_the_best_remains(tmp_path):
    """Momenta, or the place in the schedule, of an earlier start would take a later one elsewhere."""
    done, last, asked, seen = trained(tmp_path)
    assert done and asked == [0, 1, 2]
    moved = np.array(FIRST) - seen
    assert moved[0] > 0.02
    np.testing.assert_allclose(moved, moved[0], atol=1e-6)
    assert last == seen[0]  # The nearest to 2.


@pytest.mark.parametrize("calls", range(1, 8))
def test_stopped_anywhere_it_ends_the_same(tmp_path, monkeypatch, calls):
    _, whole, _, _ = trained(tmp_path / "whole")
    done, _, _, _ = trained(tmp_path / "stopped", calls=calls, monkeypatch=monkeypatch)
    assert not done
    monkeypatch.undo()
    done, resumed, _, _ = trained(tmp_path / "stopped")
    assert done and resumed == whole


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_start_that_is_not_finite_is_given_up(tmp_path, lost, caplog):
    first = [np.nan if start == lost else height for start, height in enumerate((1.9, 2.02, 2.3))]
    with caplog.at_level("WARNING"):
        done, last, _, seen = trained(tmp_path, first=first)
    assert done and len(seen) == 2 and np.isfinite(last)
    assert f"starts: start {lost + 1} is given up: training stopped: height not finite in step" in caplog.text
    assert last == seen[np.argmin(np.abs(np.array(seen) - 2.0))]
    done, again, asked, _ = trained(tmp_path, first=first)
    assert done and again == last and not asked  # It is finished.


def test_starts_that_are_all_given_up_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="starts: no evaluation gave a finite distance; nothing to select"):
        trained(tmp_path, first=[np.nan] * 3)


def test_starts_are_not_averaged(tmp_path):
    with pytest.raises(ValueError, match=r"starts: average_decay must be 0 where weights begin anew; got 0\.9"):
        trained(tmp_path, dataclasses.replace(SETTINGS, average_decay=0.9))
