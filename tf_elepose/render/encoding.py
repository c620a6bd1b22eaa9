"""Encodes frames as a GIF or as H.264 in MP4, at the clip's frame rate."""

from __future__ import annotations

import io
import itertools
import math
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

from tf_elepose.render.packages import ffmpeg

GIF_MOST_FRAMES_A_SECOND = 33.0
"""Browsers play a GIF too slowly when a frame lasts less than about 0.03 s; so faster clips leave frames out."""

MP4_MOST_FRAMES_A_SECOND = 60.0

_GIF_COLORS = 128
_CRF = 18  # x264's constant quality: almost lossless.


def step_for(rate: float, most: float) -> int:
    """The smallest n for which every n-th row of `rate` a second makes at most `most` a second."""
    return max(1, math.ceil(rate / most - 1e-6))


def gif_durations(count: int, rate: float) -> list[int]:
    """Durations [count] ms, multiples of the format's 10 ms, that on average match `rate` frames a second."""
    ends = [round(100.0 * k / rate) for k in range(count + 1)]
    return [10 * max(1, end - start) for start, end in itertools.pairwise(ends)]


def encode_gif(frames: Iterator[Any], count: int, rate: float) -> bytes:
    """Encodes `count` Pillow images `frames` as a GIF that repeats for ever, `rate` frames a second.

    Every frame has its own palette: with a given palette Pillow finds the nearest colour only roughly, and white turns
    grey.
    """
    reduced = (frame.quantize(_GIF_COLORS) for frame in frames)
    file = io.BytesIO()
    next(reduced).save(
        file, "GIF", save_all=True, append_images=reduced, duration=gif_durations(count, rate), loop=0, optimize=False
    )
    return file.getvalue()


def encode_mp4(frames: Iterator[Any], size: tuple[int, int], rate: float) -> bytes:
    """Encodes the Pillow images `frames` as H.264 in MP4, which every browser and player shows.

    Args:
      frames: each of `size`.
      size: width and height, both even.
      rate: frames a second.

    Raises:
      ValueError: imageio-ffmpeg has no ffmpeg for this machine.
      OSError: ffmpeg stopped.
    """
    package = ffmpeg()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "track.mp4"
        try:
            writer = package.write_frames(
                str(path), size, fps=rate, codec="libx264", pix_fmt_out="yuv420p", quality=None, macro_block_size=1,
                output_params=["-crf", str(_CRF), "-movflags", "+faststart"],
            )  # fmt: skip
            writer.send(None)
        except RuntimeError as error:
            raise ValueError(f"MP4 needs ffmpeg, which imageio-ffmpeg has not found: {error}") from error
        try:
            for frame in frames:
                writer.send(frame.tobytes())
        finally:
            writer.close()
        return path.read_bytes()
