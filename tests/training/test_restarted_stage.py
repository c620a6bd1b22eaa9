"""Several starts: each has its own weights and a fresh optimizer, the best is kept, interruptions change nothing."""

import dataclasses

import keras
import numpy as np
import pytest
import small_runs
import tensorflow as tf

from tf_elepose.data.pipeline import Batches
from tf_elepose.methods.objective import Objective
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.restarted_stage import RestartedStage
from tf_elepose.training.stage_settings import StageSettings
from tf_elepose.training.strategy import make_strategy

SETTINGS = StageSettings(
    epochs=3.0, learning_rate=0.01, schedule="cosine", schedule_options={"warmup": 0.1, "floor": 0.0},
    weight_decay=0.0, clip_norm=0.0, steps_per_call=2, checkpoint_every=3, evaluate_every=4, jit_compile=False,
    average_decay=0.0, seed=5,
)  # fmt: skip
"""Three starts of 4 steps, an epoch each."""

FIRST = (2.03, 3.0, 1.0)


class Slope(Objective):
    """An objective with one weight of gradient 1, so that Adam lowers it by the learning rate in each step."""

    def __init__(self):
        self.layer = keras.layers.Dense(1, use_bias=False, name="dense")
        self.network = keras.Sequential([self.layer], name="slope")
        self.network.build((None, 1))
        self.networks = {"slope": self.network}
        self.term_weights = {"height": 1.0}

    def loss_terms(self, batch, seed):
        return {"height": tf.reduce_mean(self.network(tf.ones_like(batch["image"][:, 0, :1])), axis=-1)}


def trained(folder, settings=SETTINGS, calls=None, monkeypatch=None, first=FIRST):
    slope, starts, seen = Slope(), [], []

    def first_weights(start):
        starts.append(start)
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
    return done, float(slope.layer.kernel[0, 0]), starts, seen


def test_starts_are_independent_and_the_best_is_kept(tmp_path):
    """Momenta, or a place in the schedule, kept from an earlier start would change a later one."""
    done, last, starts, seen = trained(tmp_path)
    assert done and starts == [0, 1, 2]
    moved = np.array(FIRST) - seen
    assert moved[0] > 0.02
    np.testing.assert_allclose(moved, moved[0], atol=1e-6)
    assert last == seen[0]  # The weight nearest to 2.


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The weight of a run that was not stopped."""
    return trained(tmp_path_factory.mktemp("whole"))[1]


@pytest.mark.parametrize("calls", range(1, 8))
def test_interruptions_do_not_change_the_result(tmp_path, monkeypatch, calls, whole):
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
    done, again, starts, _ = trained(tmp_path, first=first)
    assert done and again == last and not starts  # A finished stage does not start again.


def test_giving_up_every_start_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="starts: no evaluation gave a finite distance; nothing to select"):
        trained(tmp_path, first=[np.nan] * 3)


def test_starts_are_not_averaged(tmp_path):
    with pytest.raises(ValueError, match=r"starts: average_decay must be 0 where weights begin anew; got 0\.9"):
        trained(tmp_path, dataclasses.replace(SETTINGS, average_decay=0.9))
