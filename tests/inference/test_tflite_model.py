"""Bundles run by LiteRT: the same answers as the model they were made of, and no other file than the exported one."""

import json
import shutil

import numpy as np
import pytest
from lifting_bundle import keypoints, small_canonpose_run, small_lifting_bundle, small_run

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.inference import bundle as exported_model
from tf_elepose.inference import tflite_model
from tf_elepose.inference.model import percentile
from tf_elepose.inference.tflite_model import LiteModel
from tf_elepose.inference.trained_model import TrainedModel
from tf_elepose.pretrained import pretrained_models
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files

# The converter warns about its own use of deprecated interfaces.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("quick_completer")]
pytest_plugins = ("quick_completer",)


@pytest.fixture
def bundle(tmp_path):
    """A copy that may be damaged."""
    return shutil.copytree(small_lifting_bundle(), tmp_path / "bundle")


def change(bundle, **changes):
    facts = files.read_json(bundle / "metadata.json") | changes
    files.write_json(bundle / "metadata.json", {name: value for name, value in facts.items() if value is not None})


def partly_seen(count=40, share=0.8):
    rng = np.random.default_rng(1)
    seen = rng.random((count, H36M_17.num_joints)) < share
    seen[0], seen[1], seen[2] = True, False, np.arange(H36M_17.num_joints) < 5
    return Keypoints(keypoints(count), seen)


def test_a_bundle_agrees_with_the_trained_model():
    given = partly_seen()
    bundle, trained = LiteModel(small_lifting_bundle()), TrainedModel(small_run())
    one, other = (model.lift(given, likelihood=True) for model in (bundle, trained))
    np.testing.assert_array_equal(one.valid, other.valid)
    assert one.valid.sum() > 20 and not one.valid[1] and not one.valid[2]
    np.testing.assert_allclose(one.poses_3d, other.poses_3d, atol=1e-4)
    np.testing.assert_allclose(one.elevation, other.elevation, atol=1e-2)
    np.testing.assert_allclose(one.nll, other.nll, rtol=1e-3, atol=1e-3)
    assert bundle.fingerprint == trained.fingerprint and bundle.skeleton == trained.skeleton
    np.testing.assert_allclose(bundle.likelihood_quantiles, trained.likelihood_quantiles)


def test_batches_and_threads_have_no_influence(monkeypatch):
    given = partly_seen(50)
    whole = LiteModel(small_lifting_bundle(), threads=1).lift(given, likelihood=True)
    monkeypatch.setattr(tflite_model, "_BATCH", 7)
    reported = []
    model = LiteModel(small_lifting_bundle(), threads=3)
    parts = model.lift(given, likelihood=True, progress=reported.append)
    for name in ("poses_3d", "valid", "elevation", "nll"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-4, atol=1e-4)
    assert reported == sorted(reported) and reported[-1] == 50
    again = model.lift(given, likelihood=True)
    np.testing.assert_array_equal(again.poses_3d, parts.poses_3d)


def test_zero_poses_give_zero_results():
    none = Keypoints(np.zeros((0, 17, 2)), np.zeros((0, 17), bool))
    answer = LiteModel(small_lifting_bundle()).lift(none, likelihood=True)
    assert answer.poses_3d.shape == (0, 17, 3) and answer.nll.shape == (0,)


def test_without_likelihood_a_file_without_it_is_used():
    model = LiteModel(small_lifting_bundle(), likelihood=False)
    assert model.file.name == "lift_full_float32_batch.tflite"
    given = partly_seen()
    answer = model.lift(given, likelihood=False)
    assert answer.nll is None
    full = LiteModel(small_lifting_bundle())
    assert full.file.name == "lift_all_float32_batch.tflite"
    np.testing.assert_allclose(answer.poses_3d, full.lift(given, likelihood=True).poses_3d, atol=1e-5)
    assert full.lift(given, likelihood=False).nll is None


@pytest.mark.parametrize("name", ["cmu", "cmu_small"])
def test_a_packaged_model_has_a_faster_file_without_likelihood(name):
    folder = pretrained_models()[name]
    full, fast = LiteModel(folder), LiteModel(folder, likelihood=False)
    assert set(full.listed) == {f"tflite/{path.name}" for path in (folder / "tflite").iterdir()}
    assert (full.file.name, fast.file.name) == (
        f"lift_all_{full.precision}_batch.tflite",
        f"lift_full_{full.precision}_batch.tflite",
    )
    given = partly_seen()
    with_nll = full.lift(given, likelihood=True)
    without_nll = fast.lift(given, likelihood=False)
    assert without_nll.nll is None and with_nll.nll is not None
    np.testing.assert_array_equal(without_nll.valid, with_nll.valid)
    np.testing.assert_allclose(without_nll.poses_3d, with_nll.poses_3d, atol=1e-5)
    np.testing.assert_allclose(without_nll.elevation, with_nll.elevation, atol=1e-3)


def test_the_most_precise_file_is_taken_unless_one_is_named(bundle):
    assert LiteModel(bundle).precision == "float32"
    small = LiteModel(bundle, precision="int8_dynamic")
    assert small.file.name == "lift_all_int8_dynamic_batch.tflite"
    given = partly_seen()
    difference = small.lift(given, likelihood=True).poses_3d - LiteModel(bundle).lift(given, likelihood=True).poses_3d
    assert 0 < np.abs(difference).mean() < 0.05
    with pytest.raises(ValueError, match="no file of precision float16; there is float32, int8_dynamic"):
        LiteModel(bundle, precision="float16")
    with pytest.raises(ValueError, match="precision: expected one of float32, float16, int8_dynamic, int8; got 'int4'"):
        LiteModel(bundle, precision="int4")


def test_hidden_joints_have_no_influence_whatever_their_numbers():
    given = partly_seen()
    model = LiteModel(small_lifting_bundle())
    one = model.lift(given, likelihood=True)
    other = model.lift(
        Keypoints(np.where(given.seen[..., np.newaxis], given.pixels, np.float32(9e5)), given.seen), likelihood=True
    )
    np.testing.assert_array_equal(one.poses_3d, other.poses_3d)


def test_an_export_threshold_does_not_hide_joints(bundle):
    change(bundle, min_confidence=0.7)
    model = LiteModel(bundle)
    assert model.min_confidence == 0.7
    assert model.lift(Keypoints(keypoints(), np.ones((40, 17), bool)), likelihood=True).valid.all()


def test_a_changed_file_is_refused(bundle):
    file = bundle / "tflite" / "lift_all_float32_batch.tflite"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"lift_all_float32_batch.tflite: is not the file that was exported: expected"):
        LiteModel(bundle)
    LiteModel(bundle, precision="int8_dynamic")  # Only what is used is read.
    file.unlink()
    with pytest.raises(ValueError, match=r"lift_all_float32_batch.tflite: no such file, though the bundle's metadata"):
        LiteModel(bundle)


def test_a_file_that_is_no_model_is_refused(bundle):
    file = bundle / "tflite" / "lift_all_float32_batch.tflite"
    file.write_bytes(b"no model at all")
    facts = files.read_json(bundle / "metadata.json")
    change(
        bundle,
        files=facts["files"] | {"tflite/lift_all_float32_batch.tflite": exported_model.checksum(b"no model at all")},
    )
    with pytest.raises(ValueError, match="not a TFLite model"):
        LiteModel(bundle)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"skeleton": None}, "expected what python -m export writes; skeleton missing"),
        ({"files": {}}, "expected a file such as tflite/lift_all_float32_batch.tflite: export with --formats=tflite"),
        ({"files": ["a"]}, "expected what python -m export writes$"),
        ({"min_confidence": "low"}, "expected what python -m export writes$"),
        ({"keypoints": ["nose"], "convention": "coco_17"}, "this one takes 'coco_17': export it without --convention"),
        ({"likelihood_quantiles": [3.0, 2.0]}, "likelihood_quantiles: expected ascending numbers"),
        ({"likelihood_quantiles": ["a", "b"]}, "likelihood_quantiles: expected ascending numbers"),
        ({"likelihood_quantiles": [1.0]}, "likelihood_quantiles: expected ascending numbers"),
    ],
)
def test_wrong_metadata_are_refused(bundle, changes, message):
    change(bundle, **changes)
    with pytest.raises(ValueError, match=message):
        LiteModel(bundle)


def test_a_file_of_other_joints_is_refused(bundle):
    skeleton = H36M_17.to_dict() | {"name": "own"}
    joints = [joint for joint in skeleton["joints"] if joint != "nose"]
    parents = {joint: parent for joint, parent in skeleton["parents"].items() if joint != "nose"} | {"head": "thorax"}
    skeleton |= {"joints": joints, "parents": parents, "bone_prior": "estimate"}
    change(bundle, skeleton=skeleton, keypoints=joints)
    with pytest.raises(ValueError, match=r"of 16 joints; got \[-1, 17, 2\]"):
        LiteModel(bundle)


def test_metadata_that_are_not_json_are_refused(bundle):
    (bundle / "metadata.json").write_text(json.dumps({"a": 1})[:-1])
    with pytest.raises(ValueError, match=r"metadata.json: not valid JSON"):
        LiteModel(bundle)


def test_percentiles_count_the_less_likely():
    quantiles = np.linspace(-100.0, 0.0, 101)  # 0 % at -100 (the likeliest), 100 % at 0.
    np.testing.assert_allclose(
        percentile(np.array([-200.0, -100.0, -75.0, -50.5, 0.0, 10.0]), quantiles), [100, 100, 75, 50.5, 0, 0]
    )


def test_the_training_poses_are_spread_evenly():
    rng = np.random.default_rng(0)
    nll = rng.normal(size=5000) ** 3
    found = percentile(nll, np.quantile(nll, np.linspace(0, 1, 101)))
    for share in (5, 20, 50, 95):
        assert (found < share).mean() * 100 == pytest.approx(share, abs=0.2)


def test_canonical_poses_and_confidences_agree_with_the_trained_model(tmp_path):
    folder = small_lifting_bundle(run=small_canonpose_run())
    trained, bundle = TrainedModel(small_canonpose_run()), LiteModel(folder)
    given = partly_seen()
    trust = np.random.default_rng(2).uniform(0.1, 1.2, given.seen.shape).astype(np.float32)
    found = {}
    for name, confidence in (("given", trust), ("not given", None)):
        trusted = Keypoints(given.pixels, given.seen, confidence)
        one, other = (m.lift(trusted, likelihood=True) for m in (bundle, trained))
        np.testing.assert_array_equal(one.valid, other.valid)
        np.testing.assert_allclose(one.poses_3d, other.poses_3d, atol=1e-4)
        np.testing.assert_allclose(one.rotation, other.rotation, atol=1e-4)
        assert np.all(one.rotation[~one.valid] == 0) and one.nll is None and one.elevation is None
        found[name] = one.poses_3d
    assert np.abs(found["given"] - found["not given"]).max() > 1e-3
    # Joints that passed the caller's threshold are seen, whatever the file was exported with.
    high = shutil.copytree(folder, tmp_path / "bundle")
    change(high, min_confidence=0.4)
    assert LiteModel(high).trust(given.seen, trust)[given.seen].min() > 0.4
    change(high, usual_confidence=[0.5])
    with pytest.raises(ValueError, match="usual_confidence: expected 17 numbers, one for each joint"):
        LiteModel(high)
    change(high, usual_confidence=[0.5] * 16 + ["sure"])
    with pytest.raises(ValueError, match="usual_confidence: expected numbers from 0 to 1"):
        LiteModel(high)
