"""Frames of a track: on the left the 2D input, on the right the lifted pose, which turns slowly about the vertical."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tf_elepose.render import camera
from tf_elepose.render.drawing import (
    Canvas,
    draw_legend,
    draw_pose,
    mixed,
    round_length,
    shortened,
)
from tf_elepose.render.look import LOOK
from tf_elepose.render.track import NO_POSE, Track, likelihood_word
from tf_elepose.skeleton.palette import GRID, INK, LEFT, MUTED, TRUTH

SIZE = (960, 540)
"""Width and height of a frame, px; even, because H.264 needs even numbers."""

_INPUT = (24.0, 72.0, 344.0, 468.0)
_STAGE = (360.0, 72.0, 936.0, 468.0)
_DOWN = np.array([0.0, 1.0, 0.0])
_STAGE_MARGIN = ((40.0, 46.0), (40.0, 38.0))  # Left and above, right and below: room for words.
_GROUND_COLOR, _GROUND_LINES = "#F5F7F9", "#DDE2E8"
_BAR = (150.0, 10.0)  # Width and height of the percentile's bar.


class Movie:
    """Draws a frame for each row of a track.

    Args:
      track: has at least one valid pose.
      turn: degrees that the drawing turns in a second.
      rate: frames a second.
    """

    def __init__(self, track: Track, turn: float, rate: float) -> None:
        self._track = track
        self._turn, self._rate = turn, rate
        self._poses = track.grounded()
        valid = self._poses[track.valid]
        self._height = _usual_most(-valid[..., 1].min(axis=1))
        self._across = _usual_most(np.linalg.norm(valid[..., [0, 2]], axis=-1).max(axis=1))
        self._reach = max(0.5 * self._height, self._across)
        self._distance = LOOK.distance * self._reach
        self._ground = max(LOOK.ground * self._across, LOOK.ground_least * self._height)
        self._scale, self._middle = self._fitted()
        self._grid = round_length(0.6 * self._ground)
        seen = track.poses_2d[np.isfinite(track.poses_2d).all(axis=-1)]
        low, high = (
            np.percentile(seen, [LOOK.image_share, 100 - LOOK.image_share], axis=0)
            if len(seen)
            else (np.zeros(2), np.ones(2))
        )
        self._image_middle = 0.5 * (low + high)
        room = np.array([_INPUT[2] - _INPUT[0] - 56, _INPUT[3] - _INPUT[1] - 112])
        self._image_scale = float((room / np.maximum(high - low, 1e-6)).min())

    def __len__(self) -> int:
        return len(self._track)

    def draw(self, number: int) -> Any:
        """Frame `number` as a Pillow image of `SIZE`."""
        track = self._track
        canvas = Canvas(*SIZE)
        azimuth = self._turn * number / self._rate
        canvas.box(_INPUT, edge=GRID, radius=8)
        canvas.box(_STAGE, edge=GRID, radius=8)
        with canvas.clipped([_INPUT[0] + 2, _INPUT[1] + 2, _INPUT[2] - 2, _INPUT[3] - 2]):
            center = np.array([0.5 * (_INPUT[0] + _INPUT[2]), 0.5 * (_INPUT[1] + _INPUT[3])])
            points = center + (track.poses_2d[number] - self._image_middle) * self._image_scale
            draw_pose(canvas, points, track.skeleton, width=4.0)
        with canvas.clipped([_STAGE[0] + 2, _STAGE[1] + 2, _STAGE[2] - 2, _STAGE[3] - 2]):
            self._draw_ground(canvas, azimuth)
            if track.valid[number]:
                seen = self._seen(self._poses[number], azimuth)
                draw_pose(canvas, self._placed(seen), track.skeleton, depth=seen[:, 2], reach=self._across, width=6.0)
        if not track.valid[number]:
            canvas.text(tuple(self._middle), NO_POSE, 19, INK, "mm")
        self._draw_words(canvas, number, azimuth)
        return canvas.finish()

    def _draw_words(self, canvas: Canvas, number: int, azimuth: float) -> None:
        track = self._track
        canvas.text((24, 38), shortened(track.name or "Lifted poses", 22, 640), 22, INK, "lm")
        canvas.text((936, 38), f"frame {int(track.frame[number])}", 18, MUTED, "rm")
        canvas.text((_INPUT[0] + 14, _INPUT[1] + 20), "2D input", 15, INK, "lm")
        canvas.text((_STAGE[0] + 14, _STAGE[1] + 20), "Lifted pose", 15, INK, "lm")
        canvas.text((_STAGE[2] - 14, _STAGE[1] + 20), f"turned by {azimuth % 360:.0f}°", 15, MUTED, "rm")
        canvas.text((_STAGE[2] - 14, _STAGE[3] - 18), f"squares of {self._grid:g} {track.unit}", 14, MUTED, "rm")
        if track.elevation is not None and track.valid[number]:
            words = f"camera elevation {track.elevation[number]:.0f}°"
            canvas.text((_INPUT[0] + 14, _INPUT[3] - 18), words, 14, MUTED, "lm")
        draw_legend(canvas, (26, 504))
        if track.percentile is not None:
            self._draw_percentile(canvas, float(track.percentile[number]))

    def _draw_percentile(self, canvas: Canvas, percentile: float) -> None:
        word = likelihood_word(percentile)
        left, middle = _STAGE[0] + 120, 504.0
        canvas.text((left - 12, middle), f"percentile {percentile:.0f}" if word else "percentile", 15, INK, "rm")
        width, height = _BAR
        canvas.box([left, middle - height / 2, left + width, middle + height / 2], mixed("#FFFFFF", TRUTH, 0.6),
                   radius=height / 2)  # fmt: skip
        if word:
            filled = max(width * percentile / 100.0, height)
            canvas.box([left, middle - height / 2, left + filled, middle + height / 2], LEFT, radius=height / 2)
        canvas.text((left + width + 14, middle), word or "not known", 15, INK if word else MUTED, "lm")

    def _draw_ground(self, canvas: Canvas, azimuth: float) -> None:
        """Draws a disc of squares around the root, and a mark on the side of the clip's camera."""
        radius = self._ground
        turns = np.linspace(0.0, 2.0 * np.pi, 97)
        rim = radius * np.stack([np.cos(turns), 0.0 * turns, np.sin(turns)], axis=-1)
        canvas.polygon(self._placed(self._seen(rim, azimuth)), _GROUND_COLOR)
        count = math.floor(radius / self._grid)
        for place in np.arange(-count, count + 1) * self._grid:
            half = math.sqrt(max(radius**2 - place**2, 0.0))
            for ends in ([[place, 0, -half], [place, 0, half]], [[-half, 0, place], [half, 0, place]]):
                start, end = self._placed(self._seen(np.array(ends), azimuth))
                canvas.line(start, end, TRUTH if place == 0 else _GROUND_LINES, 1.3)
        marker = radius * np.array([[0, 0, -1.03], [-0.06, 0, -LOOK.camera], [0.06, 0, -LOOK.camera]])
        mark = self._placed(self._seen(marker, azimuth))
        canvas.polygon(mark, MUTED)
        tail, center = 0.5 * (mark[1] + mark[2]), self._placed(self._seen(np.zeros((1, 3)), azimuth))[0]
        x, y = tail + np.array(LOOK.camera_word) * (tail - center) / max(math.dist(tail, center), 1e-9)
        canvas.text((float(x), float(y)), "camera", 13, MUTED, "mm")

    def _fitted(self) -> tuple[float, np.ndarray]:
        """(px a unit, place of the point looked at) with which every turn of the drawing stays within the stage."""
        turns = np.linspace(0.0, 2.0 * np.pi, 97)
        circle = np.stack([np.cos(turns), 0.0 * turns, np.sin(turns)], axis=-1)
        shell = [LOOK.camera * self._ground * circle, self._across * circle - self._height * _DOWN]
        places = camera.perspective(self._seen(np.concatenate(shell), 0.0), self._distance)
        low, high = places.min(axis=0), places.max(axis=0)
        start, end = np.array(_STAGE[:2]) + _STAGE_MARGIN[0], np.array(_STAGE[2:]) - _STAGE_MARGIN[1]
        scale = float(((end - start) / (high - low)).min())
        return scale, 0.5 * (start + end) - 0.5 * scale * (low + high)

    def _seen(self, points: np.ndarray, azimuth: float) -> np.ndarray:
        """`points` [n, 3] above the ground in the frame of the drawing's camera, which looks at half the height."""
        return camera.view(points + 0.5 * self._height * _DOWN, azimuth, LOOK.elevation)

    def _placed(self, seen: np.ndarray) -> np.ndarray:
        return self._middle + self._scale * camera.perspective(seen, self._distance)


def _usual_most(values: np.ndarray) -> float:
    """The largest of `values` [n], at most `LOOK.outlier` medians: one badly lifted pose must not shrink the rest."""
    return max(float(min(values.max(), LOOK.outlier * np.median(values))), 1e-6)
