"""Finds what looks wrong in a recording, without labels: axes, sides, bones, missing joints, units, places.

Most people stand upright, have left shoulder and left hip on the same side, have no thigh ten times as long as a
forearm, and are somewhere in the picture. A file that contradicts this was probably read in another convention than it
was written in, or was made from another picture. The tests judge one camera's view of a clip at a time. They use only
seen joints, and do not judge where too few are seen; `benchmarks/robustness/sanity.py` measures how often they are
wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from tf_elepose.data.checks import placement, plausibility
from tf_elepose.data.checks.plausibility import SeenPoses
from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.skeletons import Skeleton

WINDOW_ROWS = 1000
"""A clip is judged in windows of at most this many rows."""

MOST_WINDOWS = 400
"""At most this many windows are judged, evenly spread over the recording: a mistake in a file affects a share of the
windows, and is also found in a sample of them."""

_SHORT_CLIP = 20  # Clips of fewer rows (single images are such clips) are judged together for each camera.
_MOST_BENDS = 20_000  # At most this many poses are used to see how knees and elbows bend.
# One or two of a hundred short clips are only unusual; a mistake in a file affects more of its windows than that.
_SHARE = 0.05
# Up to this many windows, each video's orientation is judged separately, too: no alarm in 120 sets of five CMU clips.
_FEW_WINDOWS = 10
# Some people do lie. A turned picture is likelier only if nearly all windows look like this.
_NEARLY_ALL = 0.8
# And at least this share of all windows, because in a turned picture of people who sit and reach many are left open.
_HALF = 0.5


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that looks wrong; `str` gives one line about it.

    Attributes:
      test: "flipped_y", "mirrored", "lying", "hips_at_origin", "outside", "swapped_sides", "bone_length",
        "missing_joint" or "normalised".
      what: what looks wrong, and in which arrays.
      where: the first clip and camera, and how many windows of how many.
      remedy: how to correct it.
      flagged, judged: numbers of windows (of poses, for missing joints).
      about: arrays and bone or joints. Two findings with equal `test` and `about` are the same finding.
    """

    test: str
    what: str
    where: str
    remedy: str
    flagged: int
    judged: int
    about: str

    def __str__(self) -> str:
        return f"{self.what} ({self.where}); {self.remedy}"


def findings(recording: Recording, pictures: np.ndarray | None = None) -> list[Finding]:
    """The findings in `recording`; empty when nothing looks wrong.

    Args:
      recording: its poses_2d, detections and poses_3d (camera frame) are all checked.
      pictures: [N, 2] width and height of each row's picture, px, NaN where they are not known; if None,
        `recording.image_size` is used.
    """
    skeleton, windows, found = recording.skeleton, _spread(windows_of(recording)), []
    arrays = seen_poses(recording, pictures_of(recording) if pictures is None else pictures)
    verdicts: dict[tuple[str, str], list[bool | None]] = {
        (test, poses.name): [judge(poses.rows(rows), skeleton) for rows in windows]
        for test, judge in _TESTS.items()
        for poses in arrays
        if poses.name not in _NOT_OF.get(test, ())
    }
    for poses in arrays:  # Some cameras around people who lie see the heads down, and more cameras see the whole side.
        flipped, lie = (verdicts[test, poses.name] for test in ("flipped_y", "lying"))
        if lie.count(True) >= flipped.count(True):
            verdicts["flipped_y", poses.name] = [None if upside_down else upside_down for upside_down in flipped]
    for test, (what, remedy) in _TEXTS.items():
        wrong = [
            poses.name
            for poses in arrays
            if _is_wrong(verdict := verdicts.get((test, poses.name), []), *_SHARES.get(test, (_SHARE,)))
            or (test == "lying" and poses.name in _PIXELS and _is_one_video(verdict, windows, recording))
        ]
        if not wrong or (test == "mirrored" and any(f.test == "flipped_y" and "poses_3d" in f.about for f in found)):
            continue  # A flipped axis mirrors the poses, too: it is reported once.
        judged = verdicts[test, wrong[0]]
        right = [p.name for p in arrays if True not in (v := verdicts.get((test, p.name), [])) and False in v]
        if test == "swapped_sides":
            in_3d = [rows for rows, bad in zip(windows, verdicts.get((test, "poses_3d"), []), strict=False) if bad]
            remedy = _which_sides(recording, wrong, right, in_3d)
        elif wrong == ["poses_3d"] and test in ("flipped_y", "lying"):
            remedy = "3D poses need the camera's frame, y down, z forward: turn them in the file"
        found.append(_finding(test, what, remedy, wrong, judged, windows, recording))
    found += _bone_findings(recording, arrays, windows)
    for poses in arrays:
        found += missing_joints(poses.name, np.any(poses.seen, axis=0), len(recording), skeleton)
    return found


_TESTS: dict[str, Callable[[SeenPoses, Skeleton], bool | None]] = {
    "flipped_y": plausibility.flipped_y,
    "swapped_sides": plausibility.swapped_sides,
    "mirrored": plausibility.mirrored,
    "normalised": plausibility.normalised,
    "lying": placement.lying,
    "hips_at_origin": placement.hips_at_origin,
    "outside": placement.outside,
}

_PIXELS = ("poses_2d", "poses_2d_detected")
_NOT_OF = {"mirrored": _PIXELS} | dict.fromkeys(("normalised", "hips_at_origin", "outside"), ("poses_3d",))
_SHARES = {"lying": (_NEARLY_ALL, _HALF)}

_TEXTS = {
    "flipped_y": (
        "the y axis looks flipped: heads below feet",
        "if pixels are counted from the bottom, set flip_y: --option=flip_y=true",
    ),
    "swapped_sides": ("arms and legs disagree about which side is left", ""),
    "normalised": (
        "coordinates look normalised: within [-1, 1] instead of pixels",
        "multiply by the images' size, or give it where the format takes it: --option=image_size=[WIDTH,HEIGHT]",
    ),
    "mirrored": (
        "knees and elbows bend the wrong way, as in a mirror",
        "if left and right are exchanged in all joints: --option=swap_sides=both; if x or z points the other way, "
        "change its sign in the file",
    ),
    "lying": (
        "bodies lie on their side in nearly all frames; x and y exchanged, or a picture not turned upright?",
        "write x before y in the file, or turn the video upright before it goes to the detector; if these people do "
        "lie, nothing is wrong",
    ),
    "hips_at_origin": (
        "the middle of the hips is at (0, 0) in nearly all frames: these may be world landmarks, not image landmarks",
        "give places in the picture, in pixels (MediaPipe: pose_landmarks, not pose_world_landmarks), and not relative "
        "to the hips",
    ),
    "outside": (
        "a third of the joints or more is far outside the picture in most frames",
        "give the size of the picture in which the joints were found: --option=image_size=[WIDTH,HEIGHT]; or scale the "
        "joints to this size",
    ),
}


def _bone_findings(recording: Recording, arrays: list[SeenPoses], windows: list[np.ndarray]) -> Iterator[Finding]:
    skeleton = recording.skeleton
    for poses in arrays:
        ratios = np.stack([plausibility.bone_ratios(poses.rows(rows), skeleton) for rows in windows])
        shortest, longest = plausibility.bone_bounds(poses, skeleton)
        for bone, (child, parent) in enumerate(skeleton.bones):
            known = np.isfinite(ratios[:, bone])
            wrong = (ratios[:, bone] > longest) | (ratios[:, bone] < shortest[bone])
            verdict = [bool(w) if k else None for w, k in zip(wrong, known, strict=True)]
            if not _is_wrong(verdict):
                continue
            typical = np.median(ratios[wrong, bone])
            than = "expected" if skeleton.bone_prior is not None else "the other side's"
            what = f"the bone from {parent!r} to {child!r} is {typical:.2g} times as long as {than}"
            remedy = "if the joints are another convention's, name it: --option=convention=NAME"
            found = _finding("bone_length", what, remedy, [poses.name], verdict, windows, recording)
            yield dataclasses.replace(found, about=f"{found.about} {child}")


def missing_joints(name: str, seen: np.ndarray, rows: int, skeleton: Skeleton) -> Iterator[Finding]:
    """Yields one finding when some joints are missing in all poses.

    Args:
      name: the name of the array of poses.
      seen: [J] whether any of its poses has the joint.
      rows: how many poses there are.
      skeleton: the skeleton of the poses.
    """
    if missing := [joint for joint, known in zip(skeleton.joints, seen, strict=True) if not known]:
        what = f"{name}: no pose has {', '.join(missing)}"
        remedy = "lifting fills it in; a convention file can say what it is made of, where the format takes one"
        yield Finding("missing_joint", what, f"{rows} of {rows} poses", remedy, rows, rows, name)


def _finding(
    test: str,
    what: str,
    remedy: str,
    names: list[str],
    verdict: list[bool | None],
    windows: list[np.ndarray],
    recording: Recording,
) -> Finding:
    flagged, judged = verdict.count(True), len(verdict) - verdict.count(None)
    first = windows[verdict.index(True)]
    where = f"clip {str(recording.clip[first[0]])!r}, camera {recording.camera[first[0]]}"
    if judged > 1:
        where = f"{flagged} of {judged} windows, the first is {where}"
    return Finding(test, f"{', '.join(names)}: {what}", where, remedy, flagged, judged, ", ".join(names))


def _is_wrong(verdict: list[bool | None], share: float = _SHARE, share_of_all: float = 0.0) -> bool:
    flagged, judged = verdict.count(True), len(verdict) - verdict.count(None)
    return flagged > 0 and flagged >= share * judged and flagged >= share_of_all * len(verdict)


def _is_one_video(verdict: list[bool | None], windows: list[np.ndarray], recording: Recording) -> bool:
    """Says whether, among a few clips, all windows of one clip are flagged and another clip is right.

    Videos are turned one by one. In large sets of motions some clips are of people who do lie.
    """
    if len(windows) > _FEW_WINDOWS or False not in verdict:
        return False
    by_clip: dict[str, list[bool | None]] = {}
    for bad, rows in zip(verdict, windows, strict=True):
        by_clip.setdefault(str(recording.clip[rows[0]]), []).append(bad)
    return any(all(of_clip) for of_clip in by_clip.values())


def _which_sides(recording: Recording, wrong: list[str], right: list[str], in_3d: list[np.ndarray]) -> str:
    """Says how to correct swapped sides; 3D poses in the wrong windows show which limbs bend the wrong way."""
    if right:
        return f"{', '.join(right)} are right, and swap_sides would change them, too: correct the file"
    if "poses_3d" in wrong:
        poses = seen_poses(recording)[-1].rows(np.concatenate(in_3d)[:_MOST_BENDS])
        if limbs := plausibility.bent_backwards(poses, recording.skeleton):
            return f"the {limbs} bend the wrong way: --option=swap_sides={limbs}"
    either = "set swap_sides to the limbs that are wrong: --option=swap_sides=arms or --option=swap_sides=legs"
    return f"{either}; or name the convention: --option=convention=NAME"


def seen_poses(recording: Recording, pictures: np.ndarray | None = None) -> list[SeenPoses]:
    """The arrays of poses that `recording` has: 2D, detected and 3D; `pictures` as for `findings`."""
    arrays = [SeenPoses("poses_2d", recording.poses_2d, recording.view("gt").seen, pictures)]
    if recording.poses_2d_detected is not None:
        seen = recording.view("detected").seen
        arrays.append(SeenPoses("poses_2d_detected", recording.poses_2d_detected, seen, pictures))
    if recording.poses_3d is not None:
        arrays.append(SeenPoses("poses_3d", recording.poses_3d, np.ones(recording.poses_3d.shape[:2], bool)))
    return arrays


def pictures_of(recording: Recording) -> np.ndarray | None:
    """The width and height [N, 2] of each row's picture, px; None where they are not known."""
    if recording.image_size is None:
        return None
    sizes = np.atleast_2d(recording.image_size).astype(np.float64)
    return sizes[recording.camera if len(sizes) > 1 else np.zeros(len(recording), int)]


def windows_of(recording: Recording) -> list[np.ndarray]:
    """The rows of each window: at most `WINDOW_ROWS` of one camera's view of one clip, or short clips of one camera."""
    labels = [_labels(values) for values in (recording.clip, recording.subject, recording.camera)]
    order = np.lexsort((recording.frame, *labels))
    new = np.any([label[order[1:]] != label[order[:-1]] for label in labels], axis=0)
    windows: list[np.ndarray] = []
    short: dict[int, list[np.ndarray]] = {}
    for rows in np.split(order, np.flatnonzero(new) + 1):
        if len(rows) < _SHORT_CLIP:
            short.setdefault(int(recording.camera[rows[0]]), []).append(rows)
        else:
            windows += _cut(rows)
    for clips in short.values():
        windows += _cut(np.concatenate(clips))
    return windows


def _labels(values: np.ndarray) -> np.ndarray:
    """Numbers [N] that sort as `values` [N] do. Fast because only the first of equal neighbours is sorted."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    labels = np.unique(values[starts], return_inverse=True)[1]
    return np.repeat(labels, np.diff(np.append(starts, len(values))))


def _spread(windows: list[np.ndarray]) -> list[np.ndarray]:
    if len(windows) <= MOST_WINDOWS:
        return windows
    return [windows[i] for i in np.linspace(0, len(windows) - 1, MOST_WINDOWS).astype(int)]


def _cut(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // WINDOW_ROWS))
