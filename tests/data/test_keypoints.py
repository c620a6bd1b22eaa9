"""The 2D poses of rows as one thing: arrays that fit each other, and rows that stay together."""

import dataclasses

import numpy as np
import pytest

from tf_elepose.data.keypoints import Keypoints


def keypoints(rows=4, joints=3):
    rng = np.random.default_rng(0)
    confidence = rng.random((rows, joints))
    return Keypoints(rng.normal(size=(rows, joints, 2)), confidence > 0.5, confidence)


@pytest.mark.parametrize("rows", [[2, 0], slice(1, 3), np.array([True, False, False, True]), []])
def test_rows_are_picked_from_all_arrays_alike(rows):
    whole = keypoints()
    part = whole.select(rows)
    assert len(whole) == 4 and len(part) == len(np.arange(4)[rows])
    for field in ("pixels", "seen", "confidence"):
        np.testing.assert_array_equal(getattr(part, field), getattr(whole, field)[rows])


def test_without_a_detector_there_is_no_confidence():
    whole = dataclasses.replace(keypoints(), confidence=None)
    assert whole.select([0]).confidence is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pixels": np.zeros((4, 3))}, r"pixels: expected \[N, J, 2\]; got \[4, 3\]"),
        ({"pixels": np.zeros((4, 3, 3))}, r"pixels: expected \[N, J, 2\]; got \[4, 3, 3\]"),
        ({"seen": np.ones((4, 2), bool)}, r"seen: expected \[4, 3\]; got \[4, 2\]"),
        ({"seen": np.ones((4, 3))}, "seen: expected true or false; got float64"),
        ({"confidence": np.ones(4)}, r"confidence: expected \[4, 3\]; got \[4\]"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changed, message):
    with pytest.raises(ValueError, match=f"keypoints: {message}"):
        dataclasses.replace(keypoints(), **changed)


def test_nothing_is_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        keypoints().seen = None
