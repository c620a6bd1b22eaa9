"""Views of different bodies are reported, views of one body are not."""

import numpy as np
import pytest
import small_runs

from tf_elepose.data.moments import moments
from tf_elepose.recipes.canonpose.view_agreement import disagreements, residual


@pytest.fixture(scope="module")
def views():
    """Moments of a recording: poses [M, 4, J, 2] px, their clips [M]."""
    recording = small_runs.small_recording(cameras=4)
    found = moments(recording)
    return recording.poses_2d[found.rows].astype(np.float64), recording.clip[found.rows[:, 0]]


def lines_of(image, clip, seen=None):
    seen = np.ones(image.shape[:3]) if seen is None else seen
    return disagreements(image, seen, clip, np.arange(image.shape[1]) + 5)


def test_orthographic_views_of_one_body_have_no_residual():
    rng = np.random.default_rng(0)
    X, cameras = rng.normal(size=(17, 3)), rng.normal(size=(4, 3, 2))
    image = np.stack(
        [X @ camera * size + rng.normal(size=2) for camera, size in zip(cameras, (1, 9, 0.1, 3), strict=True)]
    )
    assert residual(image, np.ones((4, 17), bool)) < 1e-7
    image[2] += 0.02 * rng.normal(size=(17, 2))
    assert 0.001 < residual(image, np.ones((4, 17), bool)) < 0.2


def test_views_of_a_perspective_camera_give_no_warning(views):
    image, clip = views
    assert lines_of(image, clip) == [] and lines_of(image[:, :2], clip) == []


@pytest.mark.parametrize("count", [2, 3, 4])
def test_other_people_in_one_view_are_reported_with_the_clip(views, count):
    image, clip = views[0][:, :count].copy(), views[1]
    bad = np.flatnonzero(clip == clip[0])
    others = np.flatnonzero(clip != clip[0])[::7][: len(bad)]
    image[bad, 1] = image[others, 1]
    (message,) = lines_of(image, clip)
    assert message.startswith(f"clip '{clip[0]}': its views do not show one body")
    assert "synchronised" in message


def test_a_camera_counted_twice_is_reported_with_its_clip(views):
    image, clip = views[0].copy(), views[1]
    bad = clip == clip[0]
    image[bad, 3] = image[bad, 1]
    (message,) = lines_of(image, clip)
    assert message == (
        f"clip '{clip[0]}': cameras 6 and 8 show the same picture; two views of one place tell nothing about depth"
    )


def test_one_line_reports_equal_cameras_in_many_clips(views):
    image, clip = views[0].copy(), views[1]
    image[:, 3] = image[:, 1]
    (message,) = lines_of(image, clip)
    first = ", ".join(repr(str(name)) for name in np.unique(clip)[:3])
    assert message.startswith(f"clips {first} and {len(np.unique(clip)) - 3} more: cameras 6 and 8 show the same")


def test_of_many_clips_that_do_not_fit_ten_are_named(views):
    image, clip = views[0].copy(), views[1]
    image[:, 1] = image[::-1, 1]
    messages = lines_of(image, clip)
    assert len(messages) == 11 and all("do not show one body" in message for message in messages[:10])
    assert messages[10].endswith("more clips")


def test_what_is_not_seen_is_not_judged(views):
    image, clip = views[0].copy(), views[1]
    seen = np.ones(image.shape[:3])
    seen[:, 1] = 0.0
    image[:, 1] = 0.0
    assert lines_of(image, clip, seen) == []
    assert residual(image[0], seen[0] * 0 > 0) is None
    assert residual(np.zeros((2, 17, 2)), np.ones((2, 17), bool)) is None
    few = np.zeros((2, 17), bool)
    few[0, :12], few[1, 8:] = True, True  # Four in common.
    assert residual(image[0, [0, 2]], few) is None
