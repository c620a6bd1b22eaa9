"""Drawings: left is on the correct side and blue, near parts are thick, nothing is cut off."""

import numpy as np
import pytest
from lifted_people import STANDING_POSE, lifted
from PIL import ImageColor

from tf_elepose.render.drawing import Canvas, draw_pose, font_for, mixed, round_length, shortened, text_width
from tf_elepose.render.movie import SIZE, Movie
from tf_elepose.render.sheet import draw_sheet
from tf_elepose.render.track import find_tracks
from tf_elepose.skeleton.palette import DASHED, LEFT, RIGHT, SIDES
from tf_elepose.skeleton.skeletons import H36M_17


def places(image, color, tolerance=40):
    """Places [n, 2] (x, y) of the pixels that have `color`, faded by depth or not."""
    fade = np.array(ImageColor.getrgb(color), np.float32) - 255.0
    pixels = np.asarray(image).astype(np.float32) - 255.0
    share = np.clip(pixels @ fade / (fade @ fade), 0.5, 1.0)
    return np.argwhere(np.abs(pixels - share[..., np.newaxis] * fade).sum(axis=-1) < tolerance)[:, ::-1]


def test_left_and_right_differ_in_lightness_and_in_line():
    lightness = [np.dot(ImageColor.getrgb(color), (0.299, 0.587, 0.114)) for color in (LEFT, RIGHT)]
    assert lightness[1] - lightness[0] > 60.0
    assert DASHED == "right" and set(SIDES) == {"left", "right", "trunk"}


def test_left_limbs_are_blue_and_where_the_left_is():
    canvas = Canvas(400, 400)
    draw_pose(canvas, 200 + 0.2 * STANDING_POSE[:, :2], H36M_17)
    image = canvas.finish()
    # The person faces the camera, so the left side is on the image's right; x = 0 is at 200 px.
    assert places(image, LEFT)[:, 0].min() >= 198 and places(image, RIGHT)[:, 0].max() <= 202
    assert len(places(image, LEFT)) > 1.1 * len(places(image, RIGHT)) > 0  # Dashes have gaps.


def test_near_parts_are_thicker_darker_and_in_front():
    points = np.full((H36M_17.num_joints, 2), np.nan)
    depth = np.zeros(H36M_17.num_joints)
    for joint, place, away in (("l_knee", (20, 50), -1.0), ("l_ankle", (180, 50), -1.0)):
        points[H36M_17.index(joint)], depth[H36M_17.index(joint)] = place, away

    def drawn(sign):
        canvas = Canvas(200, 100)
        draw_pose(canvas, points, H36M_17, depth=sign * depth, reach=1.0, width=10.0)
        column = np.asarray(canvas.finish())[:, 100].astype(int)
        return (column.sum(axis=-1) < 700).sum(), column.min(axis=0)

    (near_width, near_color), (far_width, far_color) = drawn(1), drawn(-1)
    assert (near_width, far_width) == (13, 7) or abs(near_width - 13) + abs(far_width - 7.5) <= 2  # 1.3 and 0.75 x 10.
    assert tuple(near_color) == ImageColor.getrgb(LEFT)
    assert tuple(far_color) == ImageColor.getrgb(mixed("#FFFFFF", LEFT, 0.55))


def test_a_joint_that_was_not_seen_is_left_out_with_its_bones():
    points = 200 + 0.2 * STANDING_POSE[:, :2]
    points[[H36M_17.index(joint) for joint in H36M_17.left]] = np.nan
    canvas = Canvas(400, 400)
    draw_pose(canvas, points, H36M_17)
    image = canvas.finish()
    assert len(places(image, LEFT)) == 0 and len(places(image, RIGHT)) > 0


@pytest.mark.parametrize("count", [1, 2, 8])
def test_a_sheet_has_a_column_a_pose_and_nothing_touches_its_edge(count):
    (track,) = find_tracks(lifted(frames=count))
    image = draw_sheet(track, "a model")
    assert image.width == max(round(2 * 28 + 196 + count * np.clip(1800 / count, 168, 330)), 640)
    pixels = np.asarray(image)
    for edge in (pixels[:8], pixels[-8:], pixels[:, :8], pixels[:, -8:]):
        assert (edge == 255).all()
    assert len(places(image, LEFT)) > 0 and len(places(image, RIGHT)) > 0


def test_a_frame_shows_the_input_on_the_left_and_the_pose_on_the_right_turned():
    """At 0 degrees the body's left is on the right in both panels; after half a turn on the left of the 3D panel."""
    (track,) = find_tracks(lifted(frames=3, percentile=None))
    movie = Movie(track, turn=180.0, rate=2.0)  # 0, 90 and 180 degrees.
    for number, sign in ((0, 1), (2, -1)):
        image = movie.draw(number)
        assert image.size == SIZE
        stage = np.asarray(image)[120:460]
        for panel, expected in ((stage[:, 30:340], 1), (stage[:, 365:930], sign)):
            left, right = (places(panel, color)[:, 0].mean() for color in (LEFT, RIGHT))
            assert np.sign(left - right) == expected


def test_no_angle_of_the_turn_leaves_the_stage():
    """At every angle nothing is drawn near the stage's border, and a frame without a pose shows none."""
    valid = np.array([True] * 7 + [False])
    (track,) = find_tracks(lifted(frames=8, valid=valid, percentile=None))
    movie = Movie(track, turn=45.0, rate=1.0)
    for number in range(8):
        stage = np.asarray(movie.draw(number))[72:468, 360:936]
        limbs = np.concatenate([places(stage, LEFT), places(stage, RIGHT)])
        assert (len(limbs) > 0) == valid[number]
        if len(limbs):
            assert limbs.min() > 20 and limbs[:, 0].max() < 556 and limbs[:, 1].max() < 376


def test_long_words_fit_and_letters_without_a_glyph_do_not_fail():
    long = "a clip with quite a long name " * 5
    short = shortened(long, 15, 200)
    assert "…" in short and short[:3] == long[:3] and text_width(short, 15) <= 200
    font, text = font_for("Zoë ☃", 15)
    assert font.getlength(text) > 0 and text[:2] == "Zo"


@pytest.mark.parametrize(("most", "length"), [(1.0, 1.0), (1.99, 1.0), (4.9, 2.0), (730.0, 500.0), (0.06, 0.05)])
def test_round_lengths(most, length):
    assert round_length(most) == pytest.approx(length)
