"""A workdir belongs to one run, and its model is loaded complete or refused."""

import errno
import json
import os
import types

import absl.logging
import numpy as np
import pytest
import small_models

from tf_elepose.storage import files
from tf_elepose.training import workdir


@pytest.fixture(scope="module")
def method():
    method, _ = small_models.small_elepose(flip_average=True, likelihood_ceiling=20.0)
    method.density.elevation_mean.assign(-0.2)
    method.density.elevation_deviation.assign(0.1)
    return method


@pytest.fixture
def saved(method, tmp_path):
    workdir.save_model(tmp_path / "model.npz", method, {"source": "test", "training_seconds": 1.5})
    return tmp_path / "model.npz"


def test_a_loaded_model_predicts_the_same(method, saved):
    pixels = small_models.poses_2d(10, seed=3)
    expected = method.predict(pixels)
    for place in (saved, saved.parent, str(saved.parent)):
        loaded = workdir.load_model(place)
        prediction = loaded.predict(pixels)
        np.testing.assert_allclose(prediction.poses_3d, expected.poses_3d, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(prediction.elevation, expected.elevation, rtol=1e-6, atol=1e-5)
    assert loaded.settings == method.settings
    for name, variable in method.saved_variables().items():
        np.testing.assert_array_equal(np.asarray(loaded.saved_variables()[name]), np.asarray(variable), err_msg=name)
    assert workdir.load_model_and_info(saved)[1] == {"source": "test", "training_seconds": 1.5}


def test_equal_models_give_equal_files(method, saved, tmp_path):
    workdir.save_model(tmp_path / "again.npz", workdir.load_model(saved), workdir.load_model_and_info(saved)[1])
    assert (tmp_path / "again.npz").read_bytes() == saved.read_bytes()


def test_an_unfinished_run_has_no_model(tmp_path):
    with pytest.raises(ValueError, match=r"expected a finished run with a model\.npz; train it to its end first"):
        workdir.load_model(tmp_path)
    with pytest.raises(ValueError, match=r"nowhere: expected a file; No such file"):
        workdir.load_model(tmp_path / "nowhere")


def _half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip_a_byte(path):
    data = bytearray(path.read_bytes())
    largest = max(files.read_npz(path).values(), key=lambda array: array.nbytes)
    data[data.index(largest.tobytes()) + largest.nbytes // 2] ^= 0xFF  # Of a value; zip headers have idle bytes.
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "damage", [_half, _flip_a_byte, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(os.urandom(5000))]
)
def test_a_damaged_model_is_refused(saved, damage):
    damage(saved)
    with pytest.raises(ValueError, match=r"model\.npz: .*truncated or damaged"):
        workdir.load_model(saved)


def _meta(**changes):
    """An edit of the model's description; a value of None takes a key out."""

    def edit(arrays):
        meta = {**json.loads(arrays["__model__"].tobytes()), **changes}
        text = json.dumps({key: value for key, value in meta.items() if value is not None})
        return {**arrays, "__model__": np.frombuffer(text.encode(), np.uint8)}

    return edit


def _without_a_setting(arrays):
    settings = json.loads(arrays["__model__"].tobytes())["settings"]
    return _meta(settings={key: value for key, value in settings.items() if key != "arch"})(arrays)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda arrays: {"poses_2d": np.zeros(3)}, "expected a model written by tf_elepose.train"),
        (lambda arrays: {**arrays, "__model__": np.zeros(4, np.uint8)}, "not a model"),
        (lambda arrays: {**arrays, "__model__": np.frombuffer(b"[1, 2]", np.uint8)}, "not a model"),
        (_meta(info=None), "not a model"),
        (_meta(format=99), "expected model format 3 or 4 of elepose, .*; got format 99 of elepose"),
        (_meta(method="poseless"), "got format 4 of poseless"),
        (_meta(settings={}), "its settings are not those of this version's elepose"),
        (_without_a_setting, "its settings are not those of this version's elepose .*arch"),
        (lambda arrays: {**arrays, "more": np.zeros(2)}, "unexpected more"),
        (lambda arrays: dict(list(arrays.items())[:-1]), "missing statistics/likelihood_quantiles"),
        (lambda arrays: {**arrays, "lifter/upscale/bias": np.zeros(99, np.float32)}, r"expected \[12\], got \[99\]"),
    ],
)
def test_other_npz_files_are_refused(saved, edit, message):
    files.write_npz(saved, edit(files.read_npz(saved)))
    with pytest.raises(ValueError, match=rf"model\.npz.*{message}"):
        workdir.load_model(saved)


# ---- claim ---------------------------------------------------------------------------------------------------------

CONFIG = {"seed": 0, "lifter": {"width": 8, "options": {"epochs": (1, 2)}}}


def test_a_run_can_reclaim_its_folder(tmp_path):
    workdir.claim(tmp_path / "new" / "run", CONFIG)
    before = (tmp_path / "new" / "run" / "config.json").read_bytes()
    workdir.claim(tmp_path / "new" / "run", CONFIG)
    assert (tmp_path / "new" / "run" / "config.json").read_bytes() == before
    assert files.read_json(tmp_path / "new" / "run" / "config.json")["lifter"]["width"] == 8


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({**CONFIG, "seed": 1}, "seed was 0, now 1; use another --workdir"),
        ({**CONFIG, "lifter": {"width": 9, "options": {"epochs": (1, 3)}}},
         r"lifter.options.epochs was \[1, 2\], now \[1, 3\]; lifter.width was 8, now 9"),
        ({"lifter": CONFIG["lifter"]}, "seed was 0, now None"),
        ({**CONFIG, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, "d was None, now 4 and 1 more; use another"),
    ],
)  # fmt: skip
def test_another_run_is_refused_with_the_differing_settings(tmp_path, other, message):
    workdir.claim(tmp_path, CONFIG)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(ValueError, match=f"holds a run with other settings: .*{message}"):
        workdir.claim(tmp_path, other)
    assert (tmp_path / "config.json").read_bytes() == before


def test_a_run_goes_on_when_there_is_a_new_term_that_is_off(tmp_path):
    old, new = ({"lifter": {"term_weights": {"bone": 50.0, **more}}} for more in ({}, {"depth": 0.0}))
    workdir.claim(tmp_path, old)
    workdir.claim(tmp_path, new)
    new["lifter"]["term_weights"]["depth"] = 0.5
    with pytest.raises(ValueError, match=r"lifter\.term_weights\.depth was None, now 0\.5"):
        workdir.claim(tmp_path, new)


def test_a_run_goes_on_when_there_is_a_new_setting_that_means_what_was_done_before(tmp_path):
    workdir.claim(tmp_path, CONFIG)
    workdir.claim(tmp_path, {**CONFIG, "test": "same"}, {"test": "same", "other": 1})
    with pytest.raises(ValueError, match="test was None, now 'gt'"):
        workdir.claim(tmp_path, {**CONFIG, "test": "gt"}, {"test": "same"})


def test_a_damaged_config_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json: not valid JSON"):
        workdir.claim(tmp_path, CONFIG)


# ---- exclusive -----------------------------------------------------------------------------------------------------


def test_only_one_process_holds_the_lock(tmp_path):
    for _ in range(2):  # The lock is free again after each block.
        with workdir.exclusive(tmp_path), pytest.raises(ValueError, match="another process is training in this"):
            workdir.exclusive(tmp_path).__enter__()


def _leave_a_temporary(folder):
    left = folder / ".model.npz.123-0a1b2c3d.partial"
    left.write_bytes(b"half")
    return left


def test_only_the_lock_holder_removes_leftovers(tmp_path):
    left = _leave_a_temporary(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("")
    with workdir.exclusive(tmp_path):
        assert not left.exists() and (tmp_path / "metrics.jsonl").exists()
        left = _leave_a_temporary(tmp_path)
        with pytest.raises(ValueError, match="another process"), workdir.exclusive(tmp_path):
            pass
        assert left.exists()


def _no_locks(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.mark.parametrize("fcntl", [None, types.SimpleNamespace(flock=_no_locks, LOCK_EX=2, LOCK_NB=4)])
def test_without_locks_there_is_a_warning(tmp_path, monkeypatch, caplog, fcntl):
    monkeypatch.setattr(workdir, "fcntl", fcntl)
    monkeypatch.setattr(absl.logging.get_absl_logger(), "propagate", True)
    with workdir.exclusive(tmp_path):
        assert "cannot be locked" in caplog.text and str(tmp_path) in caplog.text


def test_loading_from_a_run_without_a_model_gives_the_reason(tmp_path):
    (tmp_path / "metrics.json").write_text('{"depth_sign": "mirrored"}')
    with pytest.raises(ValueError, match=r"no model\.npz was saved, because its depths are mirrored"):
        workdir.load_model(tmp_path)
