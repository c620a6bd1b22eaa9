"""A bundle's SavedModel lifts as the model that it was exported from."""

import shutil

import numpy as np
import pytest
from lifting_bundle import keypoints, small_lifting_bundle, small_run

from tf_elepose.inference import saved_model
from tf_elepose.inference.lifter import Lifter

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("quick_completer")]
pytest_plugins = ("quick_completer",)


@pytest.fixture(scope="module")
def bundle():
    return small_lifting_bundle(kind="saved_model")


def test_the_saved_model_agrees_with_the_trained_model_for_any_number_of_poses(bundle, monkeypatch):
    poses, trust = keypoints(11), np.full((11, 17), 0.6, np.float32)
    trust[2, 5], trust[4, 3:] = 0.0, 0.0
    trained, served = Lifter(small_run()), Lifter(bundle, runtime="saved_model")
    expected = trained(poses, trust, convention="h36m_17")
    for batch in (4096, 4):  # At once; and in portions of one shape, the last one filled up.
        monkeypatch.setattr(saved_model, "_BATCH", batch)
        result = served(poses, trust, convention="h36m_17")
        np.testing.assert_array_equal(result.valid, expected.valid)
        assert not result.valid[4] and result.valid.sum() == 10
        np.testing.assert_allclose(result.poses_3d, expected.poses_3d, atol=1e-5)
        np.testing.assert_allclose(result.elevation, expected.elevation, atol=1e-3)
        np.testing.assert_allclose(result.percentile, expected.percentile, atol=0.1)
    assert result.model == expected.model
    assert len(served(poses[:0], convention="h36m_17")) == 0


def test_a_saved_model_that_is_not_the_exported_one_is_refused(bundle, tmp_path):
    with pytest.raises(ValueError, match="has no SavedModel: export with --formats=saved_model"):
        Lifter("cmu", runtime="saved_model")
    with pytest.raises(ValueError, match="runtime: expected tflite or saved_model; got 'onnx'"):
        Lifter("cmu", runtime="onnx")
    with pytest.raises(ValueError, match="for the folder of an export"):
        Lifter(small_run(), runtime="saved_model")
    with pytest.raises(ValueError, match="without a precision"):
        Lifter(bundle, runtime="saved_model", precision="float32")
    shutil.copytree(bundle, tmp_path / "copy")
    graph = tmp_path / "copy" / "saved_model" / "1" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes() + b"x")
    with pytest.raises(ValueError, match=r"saved_model\.pb: is not the file that was exported"):
        Lifter(tmp_path / "copy", runtime="saved_model")
