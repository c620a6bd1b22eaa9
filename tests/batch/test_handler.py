"""The handler for Beam's RunInference lifts blocks as `Lifter` lifts arrays, however they are batched."""

import numpy as np
import pytest
from lifted_samples import posing

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install 'tf_elepose[beam]'")

import pyarrow as pa

from tf_elepose.batch.block import IDS, Block, BlockKeypoints, Stretch, Unit
from tf_elepose.batch.handler import LifterHandler, LiftSettings
from tf_elepose.inference.lifter import Lifter
from tf_elepose.skeleton.conventions import get_convention
from tf_elepose.skeleton.conversion import Convention

pytestmark = pytest.mark.filterwarnings("ignore")

H36M, COCO = get_convention("h36m_17"), get_convention("coco_17")


def keypoints(count):
    return (500 + 0.2 * posing(count, noise=40.0)[..., :2]).astype(np.float32)


def block(*parts, rows=None):
    n = sum(len(part.rows) for part in parts) if rows is None else rows
    ids = {name: [0] * n if name not in ("id", "subject", "clip") else [""] * n for name in IDS.names}
    return Block(Unit("a", 0), 0, Stretch(pa.table(ids, schema=IDS), parts))


def run(settings, *blocks):
    handler = LifterHandler(settings)
    return handler.run_inference(list(blocks), handler.load_model())


@pytest.fixture(scope="module")
def settings():
    return LiftSettings("cmu_small")


def test_blocks_lifted_together_equal_blocks_lifted_alone(settings):
    poses, trust = keypoints(12), np.full((12, 17), 0.7, np.float32)
    trust[:, 3] = 0.0
    mixed = block(
        BlockKeypoints(H36M, np.array([0, 2, 4]), poses[:3], None),
        BlockKeypoints(COCO, np.array([1, 3]), poses[3:5], trust[:2]),
    )
    plain = block(BlockKeypoints(H36M, np.arange(7), poses[5:12], None))
    together = [result.inference for result in run(settings, mixed, plain)]
    alone = [run(settings, one)[0].inference for one in (mixed, plain)]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.poses_3d, other.poses_3d)
        np.testing.assert_array_equal(one.percentile, other.percentile)
    lifter = Lifter(settings.model, threads=1)
    expected = lifter(poses[:3], convention="h36m_17"), lifter(poses[3:5], trust[:2], convention="coco_17")
    np.testing.assert_allclose(together[0].poses_3d[[0, 2, 4]], expected[0].poses_3d, atol=1e-6)
    np.testing.assert_allclose(together[0].poses_3d[[1, 3]], expected[1].poses_3d, atol=1e-6)
    np.testing.assert_allclose(together[0].elevation[[1, 3]], expected[1].elevation, atol=1e-4)
    assert together[0].valid.all() and together[0].model.endswith(lifter.model.fingerprint)


def test_joints_that_a_program_left_out_and_root_centred_blocks(settings):
    poses, trust = keypoints(6), np.full((3, 17), 0.31, np.float32)
    picture, centred = poses[:3].copy(), poses[3:] - poses[3:, :1]
    picture[:, 13], picture[0, 0] = 0.0, -1.0
    centred[1] = np.abs(centred[1])  # One-sided: alone it would have no root.
    sent = (
        block(BlockKeypoints(H36M, np.arange(3), picture, trust)),
        block(BlockKeypoints(H36M, np.arange(3), centred, trust)),
    )
    together, alone = run(settings, *sent), [run(settings, one)[0] for one in sent]
    lifter = Lifter(settings.model, threads=1)
    picture[:, 13], picture[0, 0] = np.nan, np.nan
    wanted = lifter(picture, trust, convention="h36m_17"), lifter(centred + 500.0, trust, convention="h36m_17")
    for one, other, want in zip(together, alone, wanted, strict=True):
        assert want.valid.all()
        np.testing.assert_array_equal(one.inference.poses_3d, other.inference.poses_3d)
        np.testing.assert_allclose(one.inference.poses_3d, want.poses_3d, atol=1e-3)


def test_poses_that_cannot_be_lifted_have_a_reason(settings):
    poses = keypoints(3).copy()
    poses[0, 4:] = np.nan
    poses[1] = 300.0
    (result,) = run(settings, block(BlockKeypoints(H36M, np.arange(3), poses, None)))
    assert result.inference.valid.tolist() == [False, False, True]
    assert result.inference.few_joints.tolist() == [True, False, False]
    hand = Convention("hand", ("thumb", "l_wrist"))
    (refused,) = run(settings, block(BlockKeypoints(hand, np.arange(2), np.zeros((2, 2, 2)), None)))
    assert not refused.inference.valid.any() and "does not know" in refused.inference.refused[1]


def test_no_blocks_and_empty_blocks_are_accepted(settings):
    assert run(settings) == []
    (result,) = run(settings, block())
    assert len(result.inference.valid) == 0


def test_millimetres_where_a_height_is_given(settings):
    tall = LiftSettings(settings.model, height_mm=1800.0)
    poses = keypoints(4)
    (result,) = run(tall, block(BlockKeypoints(H36M, np.arange(4), poses, None)))
    expected = Lifter(settings.model)(poses, convention="h36m_17", height_mm=1800.0).poses_3d
    assert result.inference.unit == "mm"
    np.testing.assert_allclose(result.inference.poses_3d, expected, atol=1e-2)


def test_batches_are_sized_by_poses(settings):
    kwargs = LifterHandler(settings).batch_elements_kwargs()
    assert kwargs["element_size_fn"](block(BlockKeypoints(H36M, np.arange(5), keypoints(5), None))) == 5
    assert kwargs["min_batch_size"] < kwargs["max_batch_size"]


def test_a_model_that_needs_whole_clips_is_refused(monkeypatch):
    monkeypatch.setattr("tf_elepose.inference.tflite_model.LiteModel.needs_groups", True)
    with pytest.raises(ValueError, match="lifts all frames of a clip together"):
        LiftSettings("cmu_small").open()
