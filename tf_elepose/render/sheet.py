"""A sheet of a track's poses: a column a pose, the 2D input above, the pose from three sides below."""

from __future__ import annotations

from typing import Any

import numpy as np

from tf_elepose.render import camera
from tf_elepose.render.drawing import (
    Canvas,
    draw_arrow,
    draw_legend,
    draw_pose,
    draw_scale,
    round_length,
    shortened,
)
from tf_elepose.render.track import Track, likelihood_word
from tf_elepose.skeleton.palette import GRID, INK, MUTED

# (name, azimuth, elevation or None for the camera's own, what lies to the right, what lies upwards)
VIEWS = (
    ("From the camera", 0.0, None, "right", "up"),
    ("From the side", 90.0, 0.0, "away", "up"),
    ("From above", 0.0, 90.0, "right", "away"),
)

_WIDTH = 1800.0  # px that the columns share; each is at least _NARROWEST and at most _WIDEST wide.
_NARROWEST, _WIDEST = 168.0, 330.0
_HEADINGS = 196.0  # Width of the column with the rows' names.
_MARGIN = 28.0
_LEAST = 640.0  # Smallest width of the sheet, so that the legend fits.
_TOP, _COLUMN_HEAD, _FOOT = 122.0, 104.0, 64.0
_GAP = 10.0
_HIGHEST = 1.5  # Largest height of a drawing, in widths of its cell.
_PADDING, _LOWEST = 24.0, 144.0  # Space above and below a row's poses; smallest height of a row.


def evenly_spaced(track: Track, count: int) -> np.ndarray:
    """Rows of up to `count` valid poses of `track`, the first and the last among them."""
    rows = np.flatnonzero(track.valid)
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))]


def draw_sheet(track: Track, model: str) -> Any:
    """Draws all poses of `track`, which are valid and few, as a Pillow image.

    All poses, in all three views, have one scale, without perspective; all 2D inputs have one scale too.
    """
    column = float(np.clip(_WIDTH / len(track), _NARROWEST, _WIDEST))
    inner = column - 2 * _GAP
    images = [pose[np.isfinite(pose).all(axis=-1)] for pose in track.poses_2d]
    views = [
        camera.view(track.level, azimuth, track.tilt if elevation is None else elevation)
        for _, azimuth, elevation, _, _ in VIEWS
    ]
    image_scale, image_height = _fit([_size(points) for points in images], inner)
    pose_scale, _ = _fit([_size(pose[:, :2]) for poses in views for pose in poses], inner)
    heights = [image_height] + [max(_size(pose[:, :2])[1] for pose in poses) * pose_scale for poses in views]
    rows = [max(height + 2 * _PADDING, _LOWEST) for height in heights]
    width = round(max(2 * _MARGIN + _HEADINGS + len(track) * column, _LEAST))
    canvas = Canvas(width, round(_TOP + _COLUMN_HEAD + sum(rows) + _FOOT))

    _draw_head(canvas, track, model, width)
    left = _MARGIN + _HEADINGS
    for number in range(len(track)):
        _draw_column_head(canvas, track, number, left + (number + 0.5) * column, column)
    top = _TOP + _COLUMN_HEAD
    reaches = [max(float(np.abs(seen[..., 2]).max()), 1e-9) for seen in views]
    bone = float(np.clip(column / 44.0, 3.6, 5.6))
    for row, height in enumerate(rows):
        canvas.line((_MARGIN, top), (width - _MARGIN, top), GRID, 1.0)
        middle = top + 0.5 * height
        if row == 0:
            _draw_heading(canvas, top, "2D input", "x to the right, y down, px", ("x", "y"), downwards=True)
            step = round_length(0.5 * column / image_scale)
            draw_scale(canvas, (_MARGIN + 2, top + 124), step * image_scale, f"{step:g} px")
        else:
            name, _, _, right, up = VIEWS[row - 1]
            _draw_heading(canvas, top, name, _note(row - 1, track), (right, up))
            if row == 1:
                step = round_length(0.5 * column / pose_scale)
                draw_scale(canvas, (_MARGIN + 2, top + 124), step * pose_scale, f"{step:g} {track.unit}")
        for number in range(len(track)):
            center = np.array([left + (number + 0.5) * column, middle])
            if row == 0:
                points = track.poses_2d[number]
                if len(images[number]):
                    draw_pose(canvas, center + (points - _middle(images[number])) * image_scale, track.skeleton,
                              width=bone)  # fmt: skip
            else:
                seen = views[row - 1][number]
                points = center + (seen[:, :2] - _middle(seen[:, :2])) * pose_scale
                draw_pose(canvas, points, track.skeleton, depth=seen[:, 2], reach=reaches[row - 1], width=bone)
        top += height
    canvas.line((_MARGIN, top), (width - _MARGIN, top), GRID, 1.0)
    end = draw_legend(canvas, (_MARGIN + 2, top + 32))
    canvas.text((end + 34, top + 32), "near: thick and dark, far: thin and pale", 14, MUTED, "lm")
    return canvas.finish()


def _draw_head(canvas: Canvas, track: Track, model: str, width: float) -> None:
    room = width - 2 * _MARGIN
    canvas.text((_MARGIN, 30), shortened(track.name or "Lifted poses", 25, room), 25, INK)
    lines = [f"3D poses lifted by {model}, in {unit_in_words(track.unit)}"]
    if track.percentile is not None:
        lines.append("Percentile: the share of the training poses that are less likely")
    for place, line in enumerate(lines):
        canvas.text((_MARGIN, 66 + 21 * place), shortened(line, 15, room), 15, MUTED)


def _draw_column_head(canvas: Canvas, track: Track, number: int, middle: float, column: float) -> None:
    frame = int(track.frame[number])
    canvas.text((middle, _TOP + 6), f"frame {frame}", 17, INK, "ma")
    lines = []
    if track.percentile is not None:
        percentile = float(track.percentile[number])
        word = likelihood_word(percentile)
        lines += [f"percentile {percentile:.0f}", word] if word else ["percentile not known"]
    if track.elevation is not None:
        lines.append(f"camera elevation {track.elevation[number]:.0f}°")
    for place, line in enumerate(lines):
        canvas.text((middle, _TOP + 31 + 20 * place), shortened(line, 13.5, column - 6), 13.5, MUTED, "ma")


def _draw_heading(
    canvas: Canvas, top: float, name: str, note: str, axes: tuple[str, str], downwards: bool = False
) -> None:
    """Draws the row's name, and its axes as two arrows."""
    canvas.text((_MARGIN, top + 12), name, 17, INK)
    canvas.text((_MARGIN, top + 36), note, 13, MUTED)
    right, up = axes
    corner = (_MARGIN + 8, top + (66 if downwards else 96))
    tip = (corner[0], corner[1] + (34 if downwards else -30))
    draw_arrow(canvas, corner, (corner[0] + 34, corner[1]))
    draw_arrow(canvas, corner, tip)
    canvas.text((corner[0] + 41, corner[1]), right, 13, MUTED, "lm")
    canvas.text((tip[0] + 9, tip[1] + (-4 if downwards else 6)), up, 13, MUTED, "lm")


def _note(view: int, track: Track) -> str:
    if VIEWS[view][2] is None:
        return "no perspective" if track.elevation is not None or not track.levelled else "level, no perspective"
    how = "turned by 90°" if VIEWS[view][1] else "looking straight down"
    return how if track.levelled else "along the image's x" if VIEWS[view][1] else "along the image's y"


def unit_in_words(unit: str) -> str:
    """The words for a `Lifted.unit`."""
    return "units of about root to head" if unit == "unit" else unit


def _size(points: np.ndarray) -> tuple[float, float]:
    """Width and height of the box around `points` [n, 2]; 0 without points."""
    return (float(np.ptp(points[:, 0])), float(np.ptp(points[:, 1]))) if len(points) else (0.0, 0.0)


def _middle(points: np.ndarray) -> np.ndarray:
    return 0.5 * (points.min(axis=0) + points.max(axis=0))


def _fit(sizes: list[tuple[float, float]], inner: float) -> tuple[float, float]:
    """(px a unit, height of the highest in px) with which every size fits a cell `inner` px wide."""
    widest, highest = (max(max(size[i] for size in sizes), 1e-6) for i in (0, 1))
    scale = min(inner / widest, _HIGHEST * inner / highest)
    return scale, highest * scale
