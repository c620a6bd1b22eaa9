"""Renders lifted poses to a picture file: chooses track, frames and format."""

from __future__ import annotations

import dataclasses
import io
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tf_elepose.motion.lifted import Lifted
from tf_elepose.render import encoding, packages
from tf_elepose.render.look import LOOK
from tf_elepose.render.movie import SIZE, Movie
from tf_elepose.render.sheet import draw_sheet, evenly_spaced
from tf_elepose.render.track import USUAL_FRAME_RATE, Track, choose_track, find_tracks
from tf_elepose.render.viewer import embedded_tracks, viewer_page
from tf_elepose.storage.files import write_bytes

SUFFIXES = (".png", ".gif", ".mp4", ".html")
"""Suffixes of the files that `render` writes."""

MOST_FRAMES = {".gif": 240, ".mp4": 1800, ".html": 20000}
"""Most frames drawn where `max_frames` is not given: some megabytes, a minute or two of work."""


@dataclasses.dataclass(frozen=True)
class Rendered:
    """The result of `render`; as text, a line to print.

    Attributes:
      path: the file.
      tracks: names of the tracks in it.
      frames: frames drawn (for PNG: poses).
      notes: a sentence for each thing that was left out or assumed.
    """

    path: pathlib.Path
    tracks: tuple[str, ...]
    frames: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        which = f"track {self.tracks[0]}" if len(self.tracks) == 1 else f"{len(self.tracks)} tracks"
        what = "poses" if self.path.suffix.lower() == ".png" else "frames"
        return ". ".join([f"{self.path}: {which}, {self.frames} {what}", *self.notes])


def require_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of `path` in small letters; checks that the packages for it are installed.

    Raises:
      ValueError: it is none of `SUFFIXES`, or a package is missing; names it and how to install it.
    """
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{os.fspath(path)}: expected a name that ends in {', '.join(SUFFIXES)}")
    if suffix != ".html":
        packages.pillow()
    if suffix == ".mp4":
        packages.ffmpeg()
    return suffix


def render(
    path: str | os.PathLike[str],
    lifted: Lifted,
    *,
    track: str | None = None,
    poses: int = 8,
    fps: float | None = None,
    turn: float = LOOK.turn,
    max_frames: int | None = None,
    watch: Callable[[Iterator[int]], Iterator[int]] = iter,
) -> Rendered:
    """Draws `lifted` into the file `path`, in the format of its suffix; a failed call leaves no partial file.

    .png   a sheet of poses of one track: 2D input, from the camera, from the side, from above
    .gif   one track as a moving picture: the 2D input, and the pose turning about the vertical
    .mp4   the same moving picture as H.264
    .html  a page in which the poses of all tracks can be turned, without a network

    Args:
      path: ends in one of `SUFFIXES`.
      lifted: has at least one valid pose.
      track: a name from `Lifted.tracks`; None is the track with most poses, and for .html all tracks.
      poses: for .png, number of poses, evenly spaced.
      fps: for .gif, .mp4 and .html, rows of a track that play in a second; None is the clip's own rate, or
        `USUAL_FRAME_RATE` where that is not known.
      turn: for .gif and .mp4, degrees a second.
      max_frames: for .gif, .mp4 and .html, most frames to draw, from the start; None is `MOST_FRAMES`.
      watch: for .gif and .mp4, wraps the iterator of frame numbers, to show progress.

    Returns:
      Tracks and frames that were drawn, and notes on what was left out.

    Raises:
      ValueError: another suffix, a missing package, no such track, no valid pose, an option that makes no sense.
      OSError: the file cannot be written.
    """
    suffix = require_suffix(path)
    for name, value in (("poses", poses), ("fps", fps), ("max_frames", max_frames)):
        if value is not None and not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be above 0; got {value}")
    if not np.isfinite(turn):
        raise ValueError(f"turn must be a number of degrees a second; got {turn}")
    path = pathlib.Path(path)
    tracks = find_tracks(lifted)
    most = max_frames or MOST_FRAMES.get(suffix, 0)
    if suffix == ".html":
        return _render_page(path, lifted, tracks if track is None else [choose_track(tracks, track, lifted.source)],
                            fps, most)  # fmt: skip
    chosen = choose_track(tracks, track, lifted.source)
    notes = []
    if track is None and len(tracks) > 1:
        notes.append(f"One of {len(tracks)} tracks, the one with most poses")
    if suffix == ".png":
        rows = evenly_spaced(chosen, poses)
        write_bytes(path, _png(draw_sheet(chosen.select(rows), lifted.model)))
        return Rendered(path, (chosen.name,), len(rows), tuple(notes))
    return _render_movie(path, chosen, suffix, fps, turn, most, watch, notes)


def _render_movie(
    path: pathlib.Path,
    track: Track,
    suffix: str,
    fps: float | None,
    turn: float,
    most: int,
    watch: Callable[[Iterator[int]], Iterator[int]],
    notes: list[str],
) -> Rendered:
    fastest = encoding.GIF_MOST_FRAMES_A_SECOND if suffix == ".gif" else encoding.MP4_MOST_FRAMES_A_SECOND
    rate, known = _rate(track, fps)
    if not known:
        notes.append(_unknown_rate())
    step = encoding.step_for(rate, fastest)
    if step > 1:
        notes.append(f"One frame of {step} is shown, {rate / step:g} a second")
    rows = np.arange(0, len(track), step)
    if len(rows) > most:
        notes.append(f"Cut after {most} of {len(rows)} frames")
        rows = rows[:most]
    shown = track.select(rows)
    if not shown.valid.any():
        raise ValueError(f"{path}: none of the {len(rows)} frames of track {track.name!r} that are shown has a pose")
    movie, rate = Movie(shown, turn, rate / step), rate / step
    drawn = (movie.draw(number) for number in watch(iter(range(len(movie)))))
    is_gif = suffix == ".gif"
    write_bytes(
        path, encoding.encode_gif(drawn, len(movie), rate) if is_gif else encoding.encode_mp4(drawn, SIZE, rate)
    )
    return Rendered(path, (track.name,), len(rows), tuple(notes))


def _render_page(path: pathlib.Path, lifted: Lifted, tracks: list[Track], fps: float | None, most: int) -> Rendered:
    kept, notes = embedded_tracks(tracks, most)
    rates = [_rate(track, fps) for track in kept]
    if not all(known for _, known in rates):
        notes.append(_unknown_rate())
    page = viewer_page(lifted, kept, [rate for rate, _ in rates])
    write_bytes(path, page.encode("utf-8"))
    return Rendered(path, tuple(track.name for track in kept), sum(map(len, kept)), tuple(notes))


def _rate(track: Track, fps: float | None) -> tuple[float, bool]:
    """Rows a second, and whether that is known or assumed."""
    known = fps or track.rate
    return (float(known), True) if known else (USUAL_FRAME_RATE, False)


def _unknown_rate() -> str:
    return f"The frame rate is not known; {USUAL_FRAME_RATE:g} frames a second are assumed; --fps=RATE sets it"


def _png(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
