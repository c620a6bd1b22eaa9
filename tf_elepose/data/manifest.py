"""Summarises a recording in numbers: as text for people, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_elepose.data.checks.sanity import Finding
from tf_elepose.data.identities import PLACE, TRACK
from tf_elepose.data.recording import Recording
from tf_elepose.data.tracks.linked_rows import clip_labels

_NAMES_SHOWN = 12
_PEOPLE_SHOWN = 4


def manifest(recording: Recording, findings: Sequence[Finding] = ()) -> dict[str, Any]:
    """The summary of `recording` as plain values.

    `frames` counts moments, `poses` rows (a moment seen by four cameras is four poses), `persons` the people of all
    clips; `people` is what the function `people` returns. `joints_missing` gives, for each array and each joint that
    some pose lacks, the share of such poses. `findings` are lines of text.
    """
    rec = recording
    persons = _persons(rec)
    clip = _clips(rec)
    seen = {"poses_2d": rec.view("gt").seen}
    if rec.poses_2d_detected is not None:
        seen["poses_2d_detected"] = rec.view("detected").seen
    optional = ("poses_2d_detected", "confidence", "poses_3d", "elevation")
    cameras = np.unique(rec.camera)
    sizes = rec.image_size
    if sizes is not None:
        sizes = np.broadcast_to(sizes, (len(cameras), 2)) if sizes.ndim == 1 else sizes[cameras]
    return {
        "source": rec.source,
        "convention": rec.skeleton.name,
        "fields": ["poses_2d", *(name for name in optional if getattr(rec, name) is not None)],
        "poses": len(rec),
        "poses_by_split": _counts(rec.split),
        "subjects": np.unique(rec.subject).tolist(),
        "actions": np.unique(rec.action).tolist(),
        "clips": int(clip.max()) + 1,
        "cameras": cameras.tolist(),
        "frames": int(_groups(clip, rec.frame).max()) + 1,
        "persons": int(_groups(clip, persons).max()) + 1,
        "people": people(rec),
        "joints_missing": {
            name: {
                joint: round(float(share), 6)
                for joint, share in zip(rec.skeleton.joints, 1.0 - of_array.mean(axis=0), strict=True)
                if share > 0
            }
            for name, of_array in seen.items()
        },
        # One size for each camera; None where sizes are unknown or differ from clip to clip.
        "image_sizes": None if sizes is None else sizes.tolist(),
        "dropped": dict(rec.dropped),
        "findings": [str(finding) for finding in findings],
    }


def people(recording: Recording) -> dict[str, Any]:
    """Says who is who in `recording`, as plain values.

    `numbers` is "person" where the source has ids, "track" where people were linked over time in each camera
    separately, and "place" where numbers only count the people of an image. `frames` lists the people who are seen in
    the most frames of a clip and camera, with the number of these frames; it is empty where numbers are places.
    """
    if recording.identity == PLACE:
        return {"numbers": PLACE, "frames": []}
    persons = _persons(recording)
    groups = _groups(_groups(_clips(recording), recording.camera), persons)
    _, first, frames = np.unique(groups, return_index=True, return_counts=True)
    longest = np.argsort(-frames, kind="stable")[:_NAMES_SHOWN]
    return {
        "numbers": recording.identity,
        "frames": [
            {
                "clip": str(recording.clip[first[at]]),
                "camera": int(recording.camera[first[at]]),
                "person": int(persons[first[at]]),
                "frames": int(frames[at]),
            }
            for at in longest.tolist()
        ],
    }


def manifest_text(values: Mapping[str, Any]) -> str:
    """The values of `manifest` as lines of text for people."""
    splits = ", ".join(f"{split} {count:,}" for split, count in values["poses_by_split"].items())
    lines = {
        "source": values["source"],
        "convention": values["convention"],
        "fields": ", ".join(values["fields"]),
        "poses": f"{values['poses']:,} ({splits})",
        "frames": f"{values['frames']:,} in {values['clips']:,} clips",
        "cameras": f"{len(values['cameras'])}",
        "subjects": _some(values["subjects"]),
        "actions": _some(values["actions"]),
        "persons": f"{values['persons']:,}{_followed(values['people'], values['persons'] > values['clips'])}",
        "image sizes": _sizes(values["image_sizes"]),
    }
    for name, shares in values["joints_missing"].items():
        if shares:
            lines[f"joints missing in {name}"] = ", ".join(f"{j} {_percent(share)}" for j, share in shares.items())
    dropped = [f"{count:,} {reason}" for reason, count in values["dropped"].items()]
    lines["left out"] = "; ".join(dropped) or "nothing"
    lines["looks wrong"] = "\n  ".join(values["findings"]) or "nothing"
    return "\n".join(f"{name}: {text}" for name, text in lines.items())


def _persons(recording: Recording) -> np.ndarray:
    return np.zeros(len(recording), np.int32) if recording.person is None else recording.person


def _clips(recording: Recording) -> np.ndarray:
    """A label [N] for each clip of a subject, in all cameras."""
    no_camera = np.zeros(len(recording), np.int32)
    return clip_labels({"subject": recording.subject, "clip": recording.clip, "camera": no_camera})[0]


def _groups(labels: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """A label from 0 for each pair of a label and a number [N] of 32 bits."""
    both = labels.astype(np.int64) * (int(numbers.max()) + 1) + numbers
    return np.unique(both, return_inverse=True)[1].reshape(-1)


def _counts(labels: np.ndarray) -> dict[str, int]:
    names, counts = np.unique(labels, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _followed(people: Mapping[str, Any], several: bool) -> str:
    """Says what the numbers of people mean, where a clip has `several`, and who is seen in the most frames."""
    if people["numbers"] == PLACE:
        return ", by their places in each image's list: nobody can be followed from image to image" if several else ""
    how = ", linked over time by place and size" if people["numbers"] == TRACK else ""
    shown = people["frames"]
    if len(shown) < 2:
        return how
    clips = len({(one["clip"], one["camera"]) for one in shown})
    texts = []
    for one in shown[:_PEOPLE_SHOWN]:
        place = f" of {_shown(one['clip'])}" if clips > 1 else ""
        camera = f" by camera {one['camera']}" if one["camera"] else ""
        texts.append(f"{one['person']}{place}{camera} in {one['frames']:,} frames")
    return f"{how}; {', '.join(texts)}{', ...' if len(shown) > _PEOPLE_SHOWN else ''}"


def _some(names: Sequence[str]) -> str:
    shown = [_shown(name) for name in names[:_NAMES_SHOWN]]
    return f"{len(names)} ({', '.join(shown + ['...'] * (len(names) > _NAMES_SHOWN))})"


def _shown(name: str) -> str:
    """Escapes the control characters of a name from a file: they must not reach a terminal."""
    return (name or "(none)") if name.isprintable() else repr(name)


def _sizes(sizes: Sequence[Sequence[int]] | None) -> str:
    if sizes is None:
        return "not known, or not the same in all clips"
    distinct = list(dict.fromkeys(f"{width} x {height}" for width, height in sizes))
    return ", ".join(distinct)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "under 0.1 %"
