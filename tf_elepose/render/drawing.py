"""Draws on a Pillow image: smooth lines, text that is the same on every machine, a pose with its depth.

Coordinates are pixels of the finished image, x right, y down.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tf_elepose.render.look import LOOK
from tf_elepose.render.packages import pillow
from tf_elepose.skeleton.palette import DASHED, INK, MUTED, SIDES, side_of
from tf_elepose.skeleton.skeletons import Skeleton

BACKGROUND = "#FFFFFF"

_SMOOTHING = 3  # Pillow draws rough edges: all but text is drawn this many times larger, then reduced.

Point = Sequence[float] | np.ndarray
"""x and y, px."""

_FALLBACK_FONTS = ("DejaVuSans.ttf", "Arial Unicode.ttf", "arialuni.ttf", "NotoSans-Regular.ttf")


class Canvas:
    """A picture to draw on; `finish` turns it into a Pillow image."""

    def __init__(self, width: int, height: int) -> None:
        image, draw, _ = pillow()
        self.size = (width, height)
        self._image = image.new("RGB", (width * _SMOOTHING, height * _SMOOTHING), BACKGROUND)
        self._draw = draw.Draw(self._image)
        self._corner = (0, 0)
        self._texts: list[tuple[tuple[float, float], str, float, str, str]] = []

    def line(self, start: Point, end: Point, color: str, width: float = 1.0, dashed: bool = False) -> None:
        """Draws a line with round ends; a dashed line begins and ends with a dash."""
        length = math.dist(start, end)
        pieces = max(1, round((length / width + LOOK.gap) / (LOOK.dash + LOOK.gap))) if dashed and width > 0 else 1
        first, last = np.asarray(start, float), np.asarray(end, float)
        # `pieces` dashes with gaps between them fill the line; both are stretched by the same factor.
        period = (LOOK.dash + LOOK.gap) / (pieces * (LOOK.dash + LOOK.gap) - LOOK.gap)
        dash = LOOK.dash / (LOOK.dash + LOOK.gap) * period if pieces > 1 else 1.0
        for piece in range(pieces):
            a, b = (first + (piece * period + part) * (last - first) for part in (0.0, dash))
            self._draw.line([*self._fine(a), *self._fine(b)], fill=color, width=max(1, round(width * _SMOOTHING)))
        if width > 1.5:
            for point in (first, last):
                self.disc(point, 0.5 * width, color)

    def disc(self, center: Point, radius: float, fill: str, edge: str | None = None) -> None:
        """Draws a filled circle, with an edge of 1 px where `edge` is given."""
        x, y = self._fine(center)
        r = radius * _SMOOTHING
        box = [x - r, y - r, x + r, y + r]
        self._draw.ellipse(box, fill=fill, outline=edge, width=round(1.2 * _SMOOTHING) if edge else 0)

    def box(
        self, corners: Sequence[float], fill: str | None = None, edge: str | None = None, radius: float = 0
    ) -> None:
        """Draws a rectangle (left, top, right, bottom) with rounded corners."""
        left, top, right, bottom = corners
        self._draw.rounded_rectangle(
            [*self._fine((left, top)), *self._fine((right, bottom))], radius * _SMOOTHING, fill, edge, _SMOOTHING
        )

    def polygon(self, points: np.ndarray, fill: str) -> None:
        """Draws a filled polygon [n, 2]."""
        self._draw.polygon([self._fine(point) for point in points], fill=fill)

    def text(
        self, place: tuple[float, float], text: str, size: float = 15, color: str = INK, anchor: str = "la"
    ) -> None:
        """Writes a line of text; `anchor` is Pillow's: l, m or r of the line, a(scender), m(iddle) or s (baseline)."""
        self._texts.append((place, text, size, color, anchor))

    @contextlib.contextmanager
    def clipped(self, corners: Sequence[float]) -> Iterator[None]:
        """Cuts off all that is drawn in the block outside of (left, top, right, bottom), except text."""
        whole, draw, before = self._image, self._draw, self._corner
        left, top, right, bottom = (round(corner * _SMOOTHING) for corner in corners)
        self._image = whole.crop((left, top, right, bottom))
        self._draw, self._corner = pillow()[1].Draw(self._image), (left, top)
        try:
            yield
        finally:
            whole.paste(self._image, (left, top))
            self._image, self._draw, self._corner = whole, draw, before

    def finish(self) -> Any:
        """The picture, a Pillow image of `size`."""
        finished = self._image.reduce(_SMOOTHING)
        draw = pillow()[1].Draw(finished)
        for place, text, size, color, anchor in self._texts:
            font, text = font_for(text, size)
            draw.text(place, text, font=font, fill=color, anchor=anchor)
        return finished

    def _fine(self, point: Point) -> tuple[float, float]:
        return float(point[0]) * _SMOOTHING - self._corner[0], float(point[1]) * _SMOOTHING - self._corner[1]


def draw_pose(
    canvas: Canvas,
    points: np.ndarray,
    skeleton: Skeleton,
    *,
    depth: np.ndarray | None = None,
    reach: float = 1.0,
    width: float = 5.0,
) -> None:
    """Draws a pose: left limbs blue, right limbs orange and dashed; near parts are thicker, darker, and in front.

    Args:
      canvas: to draw on.
      points: [J, 2] px; a joint that is not finite is left out, with its bones.
      skeleton: names the joints.
      depth: [J] away from the viewer, root about 0; None draws near and far alike.
      reach: the depth that counts as far, in the unit of `depth`.
      width: of a bone at the root's depth, px.
    """
    seen = np.all(np.isfinite(points), axis=-1)
    nearness = np.full(len(points), 0.5) if depth is None else np.clip(0.5 - 0.5 * depth / reach, 0.0, 1.0)
    # (drawing order from far to near, nearness, joint, its row or the rows of a bone). A joint covers its own bones.
    shapes: list[tuple[float, float, str, tuple[int, ...]]] = []
    front = nearness.copy()
    for child, parent in skeleton.bones:
        ends = skeleton.indices((child, parent))
        if seen[list(ends)].all():
            near = float(nearness[list(ends)].mean())
            front[list(ends)] = np.maximum(front[list(ends)], near)
            shapes.append((near, near, child, ends))
    shapes += [
        (float(front[j]) + 1e-6, float(nearness[j]), joint, (j,)) for j, joint in enumerate(skeleton.joints) if seen[j]
    ]
    for _, near, joint, rows in sorted(shapes, key=lambda shape: shape[0]):
        side = side_of(joint, skeleton)
        color = SIDES[side] if depth is None else mixed(BACKGROUND, SIDES[side], 1.0 - LOOK.faded * (1.0 - near))
        thick = width if depth is None else width * (LOOK.far_width + (LOOK.near_width - LOOK.far_width) * near)
        if len(rows) == 2:
            canvas.line(points[rows[1]], points[rows[0]], color, thick, dashed=side == DASHED)
        else:
            is_head = joint == skeleton.head
            canvas.disc(
                points[rows[0]], thick * (LOOK.head if is_head else LOOK.joint), color if is_head else BACKGROUND, color
            )


def draw_legend(canvas: Canvas, place: tuple[float, float], size: float = 15, gap: float = 26) -> float:
    """Draws the legend (left, right, trunk) in a line that starts at `place` (left, middle); returns where it ends."""
    x, y = place
    for side, color in SIDES.items():
        canvas.line((x, y), (x + 34, y), color, 4.5, dashed=side == DASHED)
        canvas.text((x + 43, y), side, size, INK, "lm")
        x += 43 + text_width(side, size) + gap
    return x - gap


def draw_scale(canvas: Canvas, place: tuple[float, float], length: float, label: str, size: float = 13) -> None:
    """Draws a scale bar, `length` px long, that starts at `place` (left, baseline), and its label."""
    x, y = place
    canvas.line((x, y), (x + length, y), MUTED, 1.4)
    for end in (x, x + length):
        canvas.line((end, y - 4), (end, y + 4), MUTED, 1.4)
    canvas.text((x + length + 8, y), label, size, MUTED, "lm")


def draw_arrow(canvas: Canvas, start: tuple[float, float], end: tuple[float, float], color: str = MUTED) -> None:
    """Draws a thin arrow."""
    direction = np.subtract(end, start) / max(math.dist(start, end), 1e-9)
    across = np.array([-direction[1], direction[0]])
    canvas.line(start, np.asarray(end) - 4 * direction, color, 1.3)
    canvas.polygon(np.array([end, end - 7 * direction + 3.5 * across, end - 7 * direction - 3.5 * across]), color)


def round_length(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50, ... that is not above `most`, for scale bars."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= most * (1 + 1e-9))


def mixed(base: str, color: str, share: float) -> str:
    """`share` of `color` over `base`, both #RRGGBB."""
    parts = [round((1 - share) * int(base[i : i + 2], 16) + share * int(color[i : i + 2], 16)) for i in range(1, 7, 2)]
    return "#" + "".join(f"{part:02X}" for part in parts)


def text_width(text: str, size: float) -> float:
    """The width of a line of text, px."""
    font, text = font_for(text, size)
    return font.getlength(text)


def shortened(text: str, size: float, width: float) -> str:
    """`text`, with its middle replaced by "…" where it would be wider than `width` px."""
    if text_width(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        short = text[: kept - kept // 2] + "…" + text[len(text) - kept // 2 :]
        if text_width(short, size) <= width:
            return short
    return "…"


def font_for(text: str, size: float) -> tuple[Any, str]:
    """A font for `text`, and the text: Pillow's own font where it has all letters, else a font of the machine; where
    there is none, missing letters become "?".
    """
    own = _own_font(size)
    if all(map(_own_letter, text)):
        return own, text
    if (other := _machine_font(size)) is not None:
        return other, text
    return own, "".join(letter if _own_letter(letter) else "?" for letter in text)


def _own_letter(letter: str) -> bool:
    return " " <= letter <= "~" or letter in "°…·“”"  # Letters that Pillow's own font was found to have.


@functools.cache
def _own_font(size: float) -> Any:
    return pillow()[2].load_default(size)


@functools.cache
def _machine_font(size: float) -> Any:
    for name in _FALLBACK_FONTS:
        with contextlib.suppress(OSError):
            return pillow()[2].truetype(name, size)
    return None
