"""Interruptions do not change the result of a stage, and good checkpoints are kept."""

import dataclasses
import logging

import keras
import numpy as np
import pytest
import small_runs
import tensorflow as tf

from tf_elepose.data.pipeline import Batches
from tf_elepose.methods import replicas
from tf_elepose.methods.objective import Objective
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training import checkpoint
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.loop import NotFiniteError
from tf_elepose.training.metric_log import MetricLog, read_metric_log
from tf_elepose.training.stage import Stage
from tf_elepose.training.stage_settings import StageSettings
from tf_elepose.training.strategy import make_strategy

SETTINGS = StageSettings(
    epochs=5.0, learning_rate=0.01, schedule="cosine", schedule_options={"warmup": 0.1, "floor": 0.0},
    weight_decay=0.0, clip_norm=5.0, steps_per_call=3, checkpoint_every=4, evaluate_every=8, jit_compile=False,
    average_decay=0.9, seed=5,
)  # fmt: skip
"""20 steps of 4 an epoch."""


class Guess(Objective):
    """A objective that learns the mean of noisy poses."""

    def __init__(self):
        self.layer = keras.layers.Dense(2, name="dense")
        self.network = keras.Sequential([self.layer], name="guess")
        self.network.build((None, 2))
        keras.utils.set_random_seed(0)
        self.layer.kernel.assign(np.eye(2))
        self.networks = {"guess": self.network}
        self.term_weights = {"square": 1.0}

    def loss_terms(self, batch, seed):
        x = tf.reduce_mean(batch["image"], axis=1)
        noise = replicas.draw(lambda size: tf.random.stateless_normal(size, seed), [tf.shape(x)[0], 2])
        return {"square": tf.reduce_sum(tf.square(self.network(x + noise) - 1.0), axis=-1)}


class Stop:
    """A stop request that comes after `calls` calls of the training loop."""

    def __init__(self, calls):
        self.calls = calls

    @property
    def requested(self):
        self.calls -= 1
        return self.calls < 0


def _stage(folder, *, settings=SETTINGS, guess=None, evaluate=None, image=None, **options):
    guess = guess or Guess()
    if image is None:
        image = np.random.default_rng(0).normal(size=(32, H36M_17.num_joints, 2)).astype(np.float32)
    batches = Batches({"image": image}, H36M_17, batch_size=8, seed=1, flip=False)
    stage = Stage(
        "guess", folder, guess, batches, make_strategy("one_device"), settings,
        evaluate=evaluate or (lambda: {"size": float(tf.norm(guess.layer.kernel))}), **options,
    )  # fmt: skip
    return stage, guess


def _weights(guess):
    return [np.array(variable) for variable in guess.network.variables]


def _log(folder):
    return MetricLog(folder / "metrics.jsonl")


def test_steps_are_epochs_times_the_steps_of_one(tmp_path):
    assert _stage(tmp_path)[0].steps == 20
    assert _stage(tmp_path, settings=dataclasses.replace(SETTINGS, epochs=0.01))[0].steps == 1


def test_a_stage_logs_evaluates_and_saves_at_the_set_steps(tmp_path):
    stage, _ = _stage(tmp_path)
    with _log(tmp_path) as log, StopRequest() as stop:
        assert stage.run(log, stop)
    rows = read_metric_log(tmp_path / "metrics.jsonl")
    assert {row["phase"] for row in rows} == {"guess"}
    # Calls of 3 steps, cut at every checkpoint (4) and evaluation (8).
    assert [row["step"] for row in rows if "square" in row] == [3, 4, 6, 8, 9, 12, 15, 16, 18, 20]
    assert [row["step"] for row in rows if "size" in row] == [8, 16, 20]
    assert [path.name for path in sorted((tmp_path / "guess").iterdir())] == [
        "step-000000012.npz", "step-000000016.npz", "step-000000020.npz"
    ]  # fmt: skip
    assert all(np.isfinite(row["square"]) for row in rows if "square" in row)


def test_an_evaluation_every_0_steps_is_one_an_epoch(tmp_path):
    stage, _ = _stage(tmp_path, settings=dataclasses.replace(SETTINGS, evaluate_every=0))
    with _log(tmp_path) as log, StopRequest() as stop:
        assert stage.run(log, stop)
    rows = read_metric_log(tmp_path / "metrics.jsonl")
    assert [row["step"] for row in rows if "size" in row] == [4, 8, 12, 16, 20]


@pytest.mark.parametrize("average_decay", [0.0, 0.9])
def test_interruptions_everywhere_do_not_change_weights_or_log(tmp_path, average_decay):
    settings = dataclasses.replace(SETTINGS, average_decay=average_decay)
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    stage, whole = _stage(tmp_path / "whole", settings=settings)
    with _log(tmp_path / "whole") as log:
        assert stage.run(log, Stop(100))
    for _ in range(30):
        stage, cut = _stage(tmp_path / "cut", settings=settings)
        with _log(tmp_path / "cut") as log:
            if stage.run(log, Stop(2)):
                break
    else:
        pytest.fail("it never ended")
    for a, b in zip(_weights(whole), _weights(cut), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    steps = [row["step"] for row in read_metric_log(tmp_path / "cut" / "metrics.jsonl") if "square" in row]
    assert steps == sorted(set(steps)) and steps[-1] == 20
    figures = [
        [(row["step"], row["size"]) for row in read_metric_log(tmp_path / which / "metrics.jsonl") if "size" in row]
        for which in ("whole", "cut")
    ]
    np.testing.assert_allclose(figures[0], figures[1], rtol=1e-6)


def test_steps_logged_after_the_last_checkpoint_are_logged_once(tmp_path, monkeypatch):
    stage, _ = _stage(tmp_path)

    class Killed(BaseException):
        pass

    run, calls = stage._loop.run, []

    def killed(first_step, steps):
        calls.append(first_step)
        if first_step == 6:  # 6 is logged, 4 is saved.
            raise Killed
        return run(first_step, steps)

    monkeypatch.setattr(stage._loop, "run", killed)
    with _log(tmp_path) as log, pytest.raises(Killed):
        stage.run(log, Stop(100))
    assert read_metric_log(tmp_path / "metrics.jsonl")[-1]["step"] == 6
    stage, _ = _stage(tmp_path)
    with _log(tmp_path) as log:
        assert stage.run(log, Stop(100))
    steps = [row["step"] for row in read_metric_log(tmp_path / "metrics.jsonl") if "square" in row]
    assert steps == [3, 4, 6, 8, 9, 12, 15, 16, 18, 20]


def test_a_finished_stage_does_not_train_again(tmp_path, monkeypatch):
    stage, first = _stage(tmp_path)
    assert stage.run(None, Stop(100))
    before = small_runs.contents(tmp_path)
    stage, again = _stage(tmp_path)
    monkeypatch.setattr(stage._loop, "run", lambda *_: pytest.fail("it trained again"))
    assert stage.run(None, Stop(100))
    assert small_runs.contents(tmp_path) == before
    for a, b in zip(_weights(first), _weights(again), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_second_stage_in_the_process_reads_the_checkpoints_of_the_first(tmp_path):
    """Keras numbers the optimizers of a process; names in checkpoints must not contain that number."""
    stage, _ = _stage(tmp_path)
    assert not stage.run(None, Stop(2))
    names = set(checkpoint.Checkpointer(tmp_path / "guess").latest().arrays)
    other, _ = _stage(tmp_path / "other")
    assert not other.run(None, Stop(2))
    assert set(checkpoint.Checkpointer(tmp_path / "other" / "guess").latest().arrays) == names
    assert {name.split("/")[0] for name in names} == {"guess", "average", "optimizer"}


def test_the_selected_weights_are_those_of_the_lowest_figure(tmp_path):
    scores = {8: 3.0, 16: 1.0, 20: 2.0}
    seen = {}

    def evaluate():
        step = sorted(scores)[len(seen)]
        seen[step] = _weights(guess)
        return {"score": scores[step]}

    guess = Guess()
    stage, _ = _stage(tmp_path, guess=guess, evaluate=evaluate, select="score")
    assert stage.run(None, Stop(100))
    assert checkpoint.Checkpointer(tmp_path / "guess").best().step == 16
    for a, b in zip(_weights(guess), seen[16], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_better_earlier_figure_survives_a_resumption(tmp_path):
    def run(scores, stop):
        left = list(scores)
        stage, _ = _stage(tmp_path, evaluate=lambda: {"score": left.pop(0)}, select="score")
        return stage.run(None, stop)

    assert not run([0.5], Stop(5))  # Past step 8.
    assert run([0.9, 0.7], Stop(100))
    best = checkpoint.Checkpointer(tmp_path / "guess").best()
    assert (best.step, best.meta["value"]) == (8, 0.5)


def test_without_a_finite_figure_nothing_is_selected(tmp_path):
    stage, _ = _stage(tmp_path, evaluate=lambda: {"score": float("nan")}, select="score")
    with pytest.raises(ValueError, match="guess: no evaluation gave a finite score"):
        stage.run(None, Stop(100))


def test_evaluation_uses_averages_and_training_its_own_weights(tmp_path):
    guess = Guess()
    seen = []
    stage, _ = _stage(tmp_path, guess=guess, evaluate=lambda: seen.append(_weights(guess)) or {"size": 1.0})
    assert not stage.run(None, Stop(4))  # 3, 4, 6, 8: evaluated at 8.
    (averaged,) = seen
    own = _weights(guess)
    assert not np.allclose(averaged[0], own[0], rtol=1e-4)
    saved = checkpoint.Checkpointer(tmp_path / "guess").latest()
    kernel = guess.layer.kernel.path
    np.testing.assert_array_equal(saved.arrays[kernel], own[0])
    np.testing.assert_array_equal(saved.arrays[f"average/{kernel}"], averaged[0])


def test_the_average_follows_its_recursion(tmp_path):
    """a <- d a + (1 - d) w with d = min(0.9, (1 + step) / (10 + step)), step by step."""
    settings = dataclasses.replace(SETTINGS, steps_per_call=1, checkpoint_every=1, evaluate_every=1)
    guess = Guess()
    average = _weights(guess)[0].astype(np.float64)
    stage, _ = _stage(tmp_path, guess=guess, settings=settings)
    kernel = guess.layer.kernel.path
    for step in range(4):
        assert not stage.run(None, Stop(1))
        saved = checkpoint.Checkpointer(tmp_path / "guess").latest()
        decay = min(0.9, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * saved.arrays[kernel]
        np.testing.assert_allclose(saved.arrays[f"average/{kernel}"], average, rtol=1e-5)


def test_a_loss_that_is_not_finite_stops_and_the_last_good_checkpoint_stays(tmp_path):
    """A pose of 1e25, infinite in float32 when squared, is drawn in the first epoch or the next."""
    settings = dataclasses.replace(SETTINGS, learning_rate=1e-9, steps_per_call=1, checkpoint_every=1)
    image = np.random.default_rng(0).normal(size=(32, H36M_17.num_joints, 2)).astype(np.float32)
    rows = (
        Batches({"image": image}, H36M_17, batch_size=8, seed=1, flip=False)
        .rows(tf.constant(3, tf.int64), 0, 1)
        .numpy()
    )
    image[rows[0]] = 1e25
    stage, _ = _stage(tmp_path, settings=settings, image=image)
    with pytest.raises(NotFiniteError, match=r"^training stopped: square not finite in step 3$"):
        stage.run(None, Stop(100))
    latest = checkpoint.Checkpointer(tmp_path / "guess").latest()
    assert latest.step == 3 and all(np.all(np.isfinite(array)) for array in latest.arrays.values())


def test_a_damaged_checkpoint_is_skipped(tmp_path, caplog):
    stage, whole = _stage(tmp_path / "a")
    assert stage.run(None, Stop(100))
    stage, _ = _stage(tmp_path / "b")
    assert not stage.run(None, Stop(5))
    newest = sorted((tmp_path / "b" / "guess").iterdir())[-1]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    newest.write_bytes(bytes(data))
    stage, again = _stage(tmp_path / "b")
    with caplog.at_level(logging.WARNING, logger="absl"):
        assert stage.run(None, Stop(100))
    assert newest.name in caplog.text
    for a, b in zip(_weights(whole), _weights(again), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_checkpoint_of_another_number_of_steps_is_refused(tmp_path):
    stage, _ = _stage(tmp_path)
    assert not stage.run(None, Stop(2))
    stage, _ = _stage(tmp_path, settings=dataclasses.replace(SETTINGS, epochs=6.0))
    with pytest.raises(ValueError, match="belongs to a run of 20 steps; this config asks for 24"):
        stage.run(None, Stop(100))


def test_a_worker_that_does_not_write_writes_nothing(tmp_path):
    stage, guess = _stage(tmp_path / "run", writes=False)
    assert stage.run(None, Stop(100))
    assert not (tmp_path / "run").exists()
    written, other = _stage(tmp_path / "other")
    assert written.run(None, Stop(100))
    for a, b in zip(_weights(guess), _weights(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0.0, "epochs must be positive; got 0.0"),
        ("epochs", float("inf"), "epochs must be positive; got inf"),
        ("learning_rate", -1.0, "learning_rate must be positive"),
        ("steps_per_call", 0, "steps_per_call must be positive"),
        ("checkpoint_every", -1, "checkpoint_every must be positive"),
        ("evaluate_every", -1, "evaluate_every must not be negative"),
        ("average_decay", 1.0, "average_decay must be at least 0 and below 1"),
        ("weight_decay", float("nan"), "weight_decay must not be negative; got nan"),
        ("clip_norm", -2.0, "clip_norm must not be negative; got -2.0"),
    ],
)
def test_settings_out_of_range_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SETTINGS, **{field: value})
