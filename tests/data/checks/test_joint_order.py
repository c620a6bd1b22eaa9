"""Seventeen keypoints under the name of another order."""

import numpy as np
import pytest
import walker

from tf_elepose.data.checks.joint_order import likelier_order
from tf_elepose.data.sources import load_source, stream_source
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17

COCO = CONVENTIONS["coco_17"]
POSES = {"coco_17": walker.poses(), "h36m_17": conversion(COCO, H36M_17).apply(walker.poses())}
SEEN = np.ones((60, 17), bool)


@pytest.mark.parametrize("order", POSES)
@pytest.mark.parametrize("scale", [(1, 1), (3, 1), (1, 3)])
def test_the_order_of_the_joints(order, scale):
    poses = POSES[order] * scale
    for called in ("coco_17", "coco_17_gast", "h36m_17", "h36m_17_elepose", "h36m_17_left_leg_first"):
        expected = None if called.startswith(order) else order
        assert likelier_order(poses, SEEN, CONVENTIONS[called]) == expected
    assert likelier_order(poses, SEEN, CONVENTIONS["mpi3dhp_17"]) in (order, None)
    assert likelier_order(poses[:5], SEEN[:5], CONVENTIONS["coco_17"]) is None  # Too few to tell.
    hidden = SEEN & (np.arange(17) != 3)
    assert likelier_order(poses, hidden, CONVENTIONS["coco_17"]) is None


def test_other_orders_are_told(tmp_path, caplog):
    np.savez(tmp_path / "walk.npz", keypoints=POSES["h36m_17"])
    source = f"npz:{tmp_path / 'walk.npz'}"
    load_source(source, H36M_17, convention="h36m_17")
    assert "order" not in caplog.text
    load_source(source, H36M_17, convention="coco_17")
    assert "walk.npz: the joints seem to be in the order of h36m_17, not of coco_17: if so, --option=" in caplog.text
    with pytest.raises(ValueError, match=r"walk\.npz: the joints seem to be in the order of h36m_17, not of coco_17"):
        load_source(source, H36M_17, convention="coco_17", check="strict")
    with pytest.raises(ValueError, match="in the order of h36m_17"):
        list(stream_source(source, H36M_17, convention="coco_17", check="strict"))
    caplog.clear()
    load_source(source, H36M_17, convention="coco_17", check="off")
    assert not caplog.text
