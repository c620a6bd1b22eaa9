"""Claims: exported files give the model's results in every runtime; a failed export leaves no files."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from small_models import small_completer, small_elepose
from small_runs import Command

from export import __main__ as command_module
from export import bundle, onnx, saved_model, tflite, verify
from export.tflite_weights import smaller
from tf_elepose.training.workdir import save_model

# The converters and runtimes warn about their own use of deprecated interfaces.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("quick_completer")]
pytest_plugins = ("quick_completer",)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A workdir with a small model: wide enough that its matrices outweigh the rest of a file."""
    folder = tmp_path_factory.mktemp("run")
    method, _ = small_elepose(completer=small_completer(), width=96, noise=0.02)
    method.density.elevation_mean.assign(-0.17)
    method.density.elevation_deviation.assign(0.1)
    save_model(folder / "model.npz", method, {"data": "small"})
    return folder


@pytest.fixture(scope="module")
def made(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "_REPRESENTATIVE", 40)
        return folder, bundle.export_bundle(run, folder, convention="h36m_17_elepose")


def test_every_file_is_measured_at_every_batch_and_within_its_bounds(made):
    folder, differences = made
    assert all(difference.within for difference in differences)
    measured = {(d.file, d.batch) for d in differences}
    assert {("saved_model/1 lift", 7), ("onnx/lift_full.onnx", 256), ("tflite/lift_int8.tflite", None)} <= measured
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix in (".tflite", ".onnx")}
    assert files == {d.file for d in differences if "saved_model" not in d.file}
    assert len(files) == 3 * 2 * 4 + 2 + 4
    assert {d.poses for d in differences} == set(verify.POSES)
    assert "lift_full_float16" in verify.table(differences)


def test_float32_files_are_well_within_the_bound(made):
    _, differences = made
    worst = max(d.largest for d in differences if d.statistic == "max" and d.output == "poses_3d")
    assert worst < 3e-5


def test_tflite_has_built_in_operators_only_and_carries_its_description(made):
    folder, _ = made
    for path in (folder / "tflite").iterdir():
        data = path.read_bytes()
        ops = tflite.operators(data)
        assert not [op for op in ops if op in {"READ_VARIABLE", "VAR_HANDLE", "CUSTOM"} or op.startswith("Flex")]
        assert b'"fingerprint": "sha256:' in data


def test_a_matrix_in_fewer_bits_is_a_smaller_file(made):
    folder, _ = made
    size = {path.stem: path.stat().st_size for path in (folder / "tflite").iterdir()}
    assert size["lift_int8_dynamic"] < size["lift_float16"] < size["lift_float32"]


def test_lift_is_without_the_elevation_branch(made):
    folder, _ = made
    branch = 4 * (4 * 96 * 96)  # Two residual blocks of two layers, in bytes of float32.
    for name in ("tflite/{}_float32.tflite", "onnx/{}.onnx"):
        lift, full = (folder / name.format(signature) for signature in ("lift", "lift_full"))
        assert full.stat().st_size - lift.stat().st_size > 0.95 * branch


def test_a_session_loads_and_runs_all_signatures(made):
    folder, _ = made
    saved_model.require_loadable(
        folder / "saved_model" / "1", ["serving_default", "lift", "lift_full", "likelihood", "lift_all"]
    )


def test_a_session_refuses_a_model_whose_variables_are_not_tracked(tmp_path):
    module, path = tf.Module(), tmp_path / "1"
    module.layer = keras.layers.Dense(2)
    module.layer.build((None, 3))
    function = tf.function(
        lambda x: {"y": module.layer(x)}, input_signature=[tf.TensorSpec([None, 3])], autograph=False
    )
    tf.saved_model.save(module, str(path), signatures={"lift": function})
    assert tf.saved_model.load(str(path)).signatures["lift"](tf.ones([1, 3]))["y"].shape == (1, 2)  # Python runs it.
    with pytest.raises(ValueError, match=r"signature 'lift' does not run in a session: .*Could not find variable"):
        saved_model.require_loadable(path, ["lift"])


def test_metadata_describe_the_files_completely(made):
    facts = json.loads((made[0] / "metadata.json").read_text())
    assert facts["convention"] == "h36m_17_elepose" and len(facts["keypoints"]) == 17
    assert facts["axes"] == "x right, y down, z forward" and facts["skeleton"]["root"] == "root"
    assert facts["outputs"]["lift"].keys() == {"poses_3d", "valid"}
    assert facts["outputs"]["lift_full"].keys() == {"poses_3d", "valid", "elevation_deg"}
    assert "onnx/lift.onnx" in facts["files"] and facts["fingerprint"].startswith("sha256:")
    session = onnx.open_onnx(made[0] / "onnx" / "lift.onnx")
    assert json.loads(session.get_modelmeta().custom_metadata_map["tf_elepose"])["signature"] == "lift"


@pytest.mark.parametrize(("name", "batch"), [("lift_float32", 1), ("lift_int8", 1), ("lift_float32_batch", -1)])
def test_files_for_one_pose_have_no_open_dimension(made, name, batch):
    interpreter = Interpreter(model_path=str(made[0] / "tflite" / f"{name}.tflite"))
    shapes = [detail["shape_signature"].tolist() for detail in interpreter.get_input_details()]
    assert sorted(shapes) == [[batch], [batch, 17], [batch, 17, 2]]


@pytest.fixture
def lift_alone(monkeypatch):
    """Exports have one function only, where what is written is another test's claim."""
    whole = bundle.Signed

    def signed(*arguments):
        made = whole(*arguments)
        made.functions = {"lift": made.functions["lift"]}
        return made

    monkeypatch.setattr(bundle, "Signed", signed)


@pytest.mark.usefixtures("lift_alone")
def test_a_missed_bound_leaves_no_files(run, tmp_path, monkeypatch):
    monkeypatch.setitem(verify.BOUNDS, "float32", {name: 0.0 for name in verify.BOUNDS["float32"]})
    with pytest.raises(ValueError, match=r"saved_model/1 lift.*nothing written"):
        bundle.export_bundle(run, tmp_path / "out", formats=["saved_model"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("lift_alone")
def test_wrong_weights_in_a_file_are_found(run, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "_REPRESENTATIVE", 2)
    monkeypatch.setattr(tflite, "BATCHES", {"": 1})
    monkeypatch.setattr(tflite, "PRECISIONS", ("float32", "float16"))

    def without_a_matrix(*arguments):
        model = flatbuffer_utils.convert_bytearray_to_object(bytearray(smaller(*arguments)))
        largest = max((buffer for buffer in model.buffers if buffer.data is not None), key=lambda b: len(b.data))
        largest.data = np.zeros_like(largest.data)
        return flatbuffer_utils.convert_object_to_bytearray(model)

    monkeypatch.setattr(tflite, "smaller", without_a_matrix)
    with pytest.raises(ValueError, match="float16"):
        bundle.export_bundle(run, tmp_path / "out", formats=["tflite"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_empty_is_not_changed(run, tmp_path):
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(ValueError, match="expected a new or an empty folder"):
        bundle.export_bundle(run, tmp_path, formats=["onnx"])
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.usefixtures("lift_alone")
def test_the_command(run, tmp_path, monkeypatch, capsys):
    command = Command(command_module, monkeypatch, capsys)
    status, out, err = command(f"--workdir={run}", f"--output={tmp_path / 'out'}", "--formats=onnx")
    assert status == 0 and "onnx/lift.onnx" in out and "written:" in out, err
    for flags, message in (
        (["--formats=caffe"], "formats: expected some of"),
        (["--convention=nobody"], "unknown convention 'nobody'"),
        (["--min_confidence=-1"], "min_confidence must be at least 0"),
    ):
        line = command.refuses(f"--workdir={run}", f"--output={tmp_path / 'other'}", *flags)
        assert message in line
    assert "expected a finished run" in command.refuses(f"--workdir={tmp_path}", f"--output={tmp_path / 'other'}")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
