"""An HTML page with poses that can be turned and played; it needs no network and no libraries.

The page is page/page.html with style, scripts and poses filled in. The poses are a JSON element: its arrays are base64
of little-endian numbers, poses as 16-bit integers, about 250 bytes a frame of 17 joints. A Content-Security-Policy
with the hashes of the page's own script and style forbids everything else to run or load.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import importlib.resources
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_elepose.motion.lifted import Lifted
from tf_elepose.render.look import LOOK
from tf_elepose.render.track import LIKELIHOOD_WORDS, NO_POSE, Track
from tf_elepose.skeleton.palette import DASHED, INK, SIDES, side_of

_LARGEST = 32767  # The largest 16-bit integer.
_NOT_SEEN = -32768
_SCRIPTS = ("data.js", "drawing.js", "controls.js")


def embedded_tracks(tracks: Sequence[Track], most: int) -> tuple[list[Track], list[str]]:
    """The tracks that fit a page of `most` frames, and notes on what was left out.

    Tracks without a pose are left out; the others stay in order, and the last that fits is cut to the room left.
    """
    notes = []
    posed = [track for track in tracks if track.valid.any()]
    if len(posed) < len(tracks):
        notes.append(f"Tracks without any pose, left out: {len(tracks) - len(posed)}")
    kept: list[Track] = []
    room = most
    for track in posed:
        if room <= 0:
            break
        kept.append(track.select(slice(0, room)))
        room -= len(track)
    if room < 0 or len(kept) < len(posed):
        notes.append(f"Cut after {most} of {sum(map(len, posed))} frames, {len(kept)} of {len(posed)} tracks")
    return kept, notes


def viewer_page(lifted: Lifted, tracks: Sequence[Track], rates: Sequence[float]) -> str:
    """The page as text, UTF-8.

    Args:
      lifted: the source of the poses.
      tracks: of `lifted`, at least one.
      rates: for each track, rows that play in a second.
    """
    style = _filled(_part("page.css"), {**SIDES, "ink": INK})
    script = '"use strict";\n{\n' + "\n".join(map(_part, _SCRIPTS)) + "}\n"  # A block keeps names local.
    values = {
        "title": html.escape(f"Lifted poses: {lifted.source}"),
        "policy": html.escape(f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'"),
        "style": style,
        "script": script,
        "poses": _json(embedded(lifted, tracks, rates)),
    }
    return _filled(_part("page.html"), values)


def embedded(lifted: Lifted, tracks: Sequence[Track], rates: Sequence[float]) -> dict[str, Any]:
    """The contents of the page's JSON element.

    A track's camera looks down by `tilt` degrees; turning its poses by that levels them. Its `poses_3d` are `scale_3d`
    times the integers, in the unit and axes of `lifted`; its `poses_2d` are `origin_2d` plus `scale_2d` times the
    integers, px.
    """
    skeleton = lifted.skeleton
    return {
        "source": lifted.source,
        "model": lifted.model,
        "unit": lifted.unit,
        "axes": lifted.axes,
        "joints": list(skeleton.joints),
        "sides": [side_of(joint, skeleton) for joint in skeleton.joints],
        "dashed": DASHED,
        "bones": [list(skeleton.indices(bone)) for bone in skeleton.bones],
        "head": skeleton.index(skeleton.head),
        "words": [list(pair) for pair in LIKELIHOOD_WORDS],
        "no_pose": NO_POSE,
        "not_seen": _NOT_SEEN,
        "look": dataclasses.asdict(LOOK),
        "first": int(np.argmax([int(track.valid.sum()) for track in tracks])),
        "tracks": [_embedded_track(track, rate) for track, rate in zip(tracks, rates, strict=True)],
    }


def _embedded_track(track: Track, rate: float) -> dict[str, Any]:
    scale_3d = max(float(np.abs(track.poses_3d).max()), 1e-9) / _LARGEST
    seen = np.all(np.isfinite(track.poses_2d), axis=-1)
    origin, scale_2d = np.zeros(2), 1.0
    if seen.any():
        low, high = track.poses_2d[seen].min(axis=0), track.poses_2d[seen].max(axis=0)
        origin, scale_2d = 0.5 * (low + high), max(float((high - low).max()), 1e-9) / (2 * _LARGEST)
    steps_2d = np.round((np.where(seen[..., np.newaxis], track.poses_2d, origin) - origin) / scale_2d)
    values: dict[str, Any] = {
        "name": track.name,
        "count": len(track),
        "rate": rate,
        "tilt": track.tilt,
        "frame": _packed(track.frame, "<i4"),
        "valid": _packed(track.valid, "u1"),
        "poses_3d": _packed(np.round(track.poses_3d / scale_3d), "<i2"),
        "scale_3d": scale_3d,
        "poses_2d": _packed(np.where(seen[..., np.newaxis], steps_2d, _NOT_SEEN), "<i2"),
        "origin_2d": origin.tolist(),
        "scale_2d": scale_2d,
    }
    for name in ("elevation", "percentile"):
        numbers = getattr(track, name)
        values[name] = None if numbers is None else _packed(numbers, "<f4")
    return values


def _packed(numbers: np.ndarray, dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, dtype=dtype).tobytes()).decode("ascii")


def _json(values: dict[str, Any]) -> str:
    """JSON that no HTML parser takes for markup: <, > and & are written as escapes."""
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _filled(template: str, values: Mapping[str, str]) -> str:
    """`template` with every @@name@@ replaced by its value; markers inside values are left alone."""
    return re.sub(r"@@(\w+)@@", lambda match: values[match[1]], template)


def _part(name: str) -> str:
    return importlib.resources.files("tf_elepose.render").joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
