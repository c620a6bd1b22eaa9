"""Claims: a SavedModel has the signatures and the warm-up that servers need, and new versions are complete."""

import pathlib
import re
import shutil
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf
from loopback_server import Models, Servable
from small_served import VERSION, served_method, served_signatures, served_version
from tensorflow_serving.apis import prediction_log_pb2

from export import bundle, examples, saved_model, verify, versions, warmup
from export.signature import Signed
from tf_elepose.training.workdir import save_model

# The loaders and exporters warn about their own use of deprecated interfaces.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("quick_completer")]
pytest_plugins = ("quick_completer",)


@pytest.fixture(scope="module")
def method():
    return served_method()


@pytest.fixture(scope="module")
def signed():
    return served_signatures()


@pytest.fixture(scope="module")
def inputs(signed):
    return examples.plausible(signed, 64, seed=1)


@pytest.fixture(scope="module")
def path():
    return served_version()


@pytest.fixture(scope="module")
def served(path):
    return Servable(path)


def test_the_folder_is_the_version_and_the_default_is_lift(path, signed, served):
    assert path.name == str(VERSION) == "3"
    assert set(served.signatures) == {"serving_default", *signed.functions}
    default, lift = served.signatures["serving_default"], served.signatures["lift"]
    assert set(default.inputs) == set(lift.inputs) == {"keypoints", "confidence", "root_head_mm"}
    assert set(default.outputs) == set(lift.outputs)


def test_served_outputs_are_those_of_the_function(path, signed, inputs):
    loaded = tf.saved_model.load(str(path))
    for name in signed.functions:
        given = {spec.name: inputs[spec.name] for spec in signed.specs(name)}
        want = signed.functions[name](**given)
        got = loaded.signatures[name](**{key: tf.constant(values) for key, values in given.items()})
        assert got.keys() == want.keys()
        for key, values in want.items():
            assert np.allclose(got[key], values, rtol=1e-4, atol=1e-5), (name, key)


def test_every_warm_up_request_is_answered(path, served, signed):
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path / warmup.FILE))]
    asked = []
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        assert request.model_spec.name == warmup.MODEL_NAME
        answer = served.predict(request)
        assert answer["valid"].any()
        asked.append((request.model_spec.signature_name, len(answer["valid"])))
    assert sorted(asked) == sorted(
        (name, batch) for name in ("serving_default", *signed.functions) for batch in saved_model.WARMUP_BATCHES
    )
    assert len(records) <= 1000  # More are not read: saved_model_warmup.md.


def test_warm_up_does_not_need_the_package_of_the_server(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving", None)
    poses = np.arange(600, dtype=np.float32).reshape(3, 100, 2)  # Long enough for a length of two bytes.
    warmup.write_warmup(tmp_path, [("lift", {"keypoints": poses, "confidence": poses[..., 0]})])
    (record,) = tf.data.TFRecordDataset(str(tmp_path / warmup.FILE))
    request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
    assert request.model_spec.signature_name == "lift"
    assert {name: tf.make_ndarray(value).tolist() for name, value in request.inputs.items()} == {
        "keypoints": poses.tolist(),
        "confidence": poses[..., 0].tolist(),
    }


@pytest.mark.parametrize(("value", "encoded"), [(1, "01"), (127, "7f"), (128, "8001"), (300, "ac02")])
def test_lengths_are_encoded_as_the_format_documents(value, encoded):
    assert warmup._varint(value).hex() == encoded


def lift_alone(*arguments):
    signed = Signed(*arguments)
    signed.functions = {"lift": signed.functions["lift"]}
    return signed


def test_the_next_version_is_measured_and_complete(method, tmp_path):
    save_model(tmp_path / "model.npz", method, {"data": "small"})
    base = tmp_path / "base"
    (base / "7").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "_REPRESENTATIVE", 8)
        patch.setattr(verify, "BATCHES", (7,))
        patch.setattr(bundle, "Signed", lift_alone)
        written = versions.add_version(tmp_path / "model.npz", base)
        assert written == base / "8" and (written / warmup.FILE).exists()
        assert (written / "assets.extra" / "metadata.json").exists()
        assert {path.name for path in base.iterdir()} == {"7", "8"}
    assert versions.versions(base) == [7, 8]


@pytest.fixture
def quick_export(path, monkeypatch):
    """Replaces the export by a copy of one, file by file, first the file that loaders look for."""

    def export_bundle(model, output, **options):
        folder = pathlib.Path(output) / "saved_model" / "1"
        files = sorted((p for p in path.rglob("*") if p.is_file()), key=lambda p: p.name != "saved_model.pb")
        for file in files:
            target = folder / file.relative_to(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            if model == "broken":
                raise ValueError("nothing written")

    monkeypatch.setattr(versions, "export_bundle", export_bundle)


def test_a_watching_server_never_sees_an_incomplete_version(quick_export, path, tmp_path):
    (tmp_path / "5").symlink_to(path)
    models, done, problems = Models({"elepose": tmp_path}), threading.Event(), []

    def watch():
        while not done.is_set():
            try:
                models.poll()  # Loads whatever has a number for a name, at once.
            except Exception as error:
                problems.append(error)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for expected in (6, 7, 8):
        assert versions.add_version("model", tmp_path).name == str(expected)
    done.set()
    watcher.join()
    models.poll()
    assert not problems and models.versions("elepose") == [5, 6, 7, 8]


def test_a_failed_export_adds_no_version(quick_export, tmp_path):
    with pytest.raises(ValueError, match="nothing written"):
        versions.add_version("broken", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_another_process_took_is_not_changed(quick_export, tmp_path, monkeypatch):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "mine").write_text("kept")
    known = [[], [1]]
    monkeypatch.setattr(versions, "versions", lambda base: known.pop(0))
    assert versions.add_version("model", tmp_path).name == "2"
    assert [p.name for p in (tmp_path / "1").iterdir()] == ["mine"]


def test_versions_are_numbers(tmp_path):
    for name in ("1", "12", "003x", ".version.1-ab.partial", "final"):
        (tmp_path / name).mkdir()
    assert versions.versions(tmp_path) == [1, 12]
    assert versions.versions(tmp_path / "nowhere") == []


@pytest.mark.parametrize("name", ["saved_model.pb", "metadata.json", ""])
def test_versions_go_into_a_folder_of_versions(quick_export, tmp_path, name):
    base = tmp_path / "base"
    if name:
        base.mkdir()
        (base / name).write_text("{}")
    else:
        base.write_text("a file")
    with pytest.raises(ValueError, match=re.escape(str(base)) + ": expected a folder of versions"):
        versions.add_version("model", base)
