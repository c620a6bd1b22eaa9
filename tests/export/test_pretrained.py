"""Claims: a packaged model has files with and without likelihoods, and metadata that fit them."""

import pytest
from lifting_bundle import keypoints, small_lifting_bundle, small_run

from export import bundle as bundle_module
from export import pretrained
from tf_elepose.inference.lifter import Lifter
from tf_elepose.storage import files
from tf_elepose.training.workdir import load_model_and_info, save_model

# The converter warns about its own use of deprecated interfaces.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("quick_completer")]
pytest_plugins = ("quick_completer",)

FILES = {"tflite/lift_all_int8_dynamic_batch.tflite", "tflite/lift_full_int8_dynamic_batch.tflite"}


def test_a_packaged_model_has_two_files_and_lists_them(tmp_path):
    folder = pretrained.package(small_lifting_bundle(), tmp_path / "small", "int8_dynamic", data_credit="Nobody's.")
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == FILES | {"metadata.json"}
    facts, given = (files.read_json(place / "metadata.json") for place in (folder, small_lifting_bundle()))
    assert facts["files"] == {file: given["files"][file] for file in FILES}
    assert facts["outputs"].keys() == facts["inputs"].keys() == {"lift_all", "lift_full"}
    assert facts["outputs"]["lift_all"].keys() - facts["outputs"]["lift_full"].keys() == {"nll"}
    assert facts["data"] == "Nobody's." and facts["likelihood_quantiles"] == given["likelihood_quantiles"]
    for likelihood in (True, False):
        lifted = Lifter(folder, likelihood=likelihood)(keypoints(3), convention="h36m_17")
        assert lifted.valid.all() and (lifted.percentile is not None) == likelihood
    again = pretrained.package(small_lifting_bundle(), folder, "float32", data_credit="Nobody's.")
    assert {path.name for path in (again / "tflite").iterdir()} == {file[7:].replace("int8_dynamic", "float32")
                                                                     for file in FILES}  # fmt: skip


def test_a_bundle_without_such_files_does_not_change_the_package(tmp_path):
    target = tmp_path / "small"
    target.mkdir()
    (target / "metadata.json").write_text("{}")
    expected = "expected tflite/lift_all_float16_batch.tflite and tflite/lift_full_float16_batch.tflite among the files"
    with pytest.raises(ValueError, match=expected):
        pretrained.package(small_lifting_bundle(), target, "float16", data_credit="Nobody's.")
    assert (target / "metadata.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("source", "told"), [("views:/home/somebody/walk.npz", "views:walk.npz"), ("synthetic", "synthetic")]
)
def test_an_export_does_not_contain_the_folder_of_the_data(tmp_path, monkeypatch, source, told):
    method, _ = load_model_and_info(small_run())
    save_model(tmp_path / "model.npz", method, {"source": source})
    described = []
    monkeypatch.setattr("export.tflite.export_tflite", lambda _, __, facts, ___: described.append(facts) or {})
    monkeypatch.setattr("export.verify.verify", lambda *_: [])
    bundle_module.export_bundle(tmp_path / "model.npz", tmp_path / "bundle", formats=["tflite"])
    assert described[0]["trained"] == {"source": told}
    assert files.read_json(tmp_path / "bundle" / "metadata.json")["trained"] == {"source": told}
