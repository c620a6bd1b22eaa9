"""Finds the clip and the frame in the names of pictures, and of files that were made from pictures.

All readers use one rule where a file has no fields for clip and frame: the last digits in a name are the frame; the
text before them, with the folders, is the clip. Endings that say nothing about the picture are cut first: file
extensions (.jpg, .json, ...), "_keypoints" (OpenPose), ".predictions" (openpifpaf) and "_jpg.rf.HASH" (Roboflow adds it
to every picture: docs.roboflow.com, "Dataset Versions").
"""

from __future__ import annotations

import collections
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from absl import logging

LARGEST_FRAME = 2**31 - 1

_EXTENSION = re.compile(
    r"(?:[._-](?:jpe?g|jfif|png|bmp|gif|tiff?|webp|ppm|pgm|jp2|heic|heif|avif|dng|raw|exr|mp4|m4v|avi|mov|mkv|webm|mpe?g|wmv"
    r"|flv|3gp|mts|m2ts|ts|h26[45]|jsonl?|ndjson|txt|csv|tsv|xml|ya?ml|npy|npz|pkl|mat|gz))\Z",
    re.IGNORECASE,
)
_ADDED = re.compile(
    r"(?:[._-](?:keypoints?|predictions?|openpifpaf|results?|rendered|pose|poses|vis|rf\.[0-9a-zA-Z]+))\Z",
    re.IGNORECASE,
)

_LAST_DIGITS = re.compile(r"(\d+)(\D*)\Z", re.ASCII)

# At the end of a name, a date with the time of day is one time, and so are seconds since 1970 with their fraction. If a
# counter follows a date (VID_20240115_123045_0001), the counter is the frame, and the date belongs to the clip.
_TIME = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d([-_.]?)(?:0\d|1[0-2])\1(?:[0-2]\d|3[01])[-_. T]*[0-2]\d[-_.:h]?[0-5]\d[-_.:m]?[0-5]\d"
    r"(?:s?(?:\d{3}|\d{6}|\d{9})|[.,](?:\d{3}|\d{6}|\d{9}))?|1\d{9}[.,]\d{3,9}"
    r"|\d\d[-_:h][0-5]\d[-_:m][0-5]\d[.,](?:\d{3}|\d{6}))s?Z?\Z",
    re.ASCII,
)

# Seconds with a fraction: 0.040, 0.080. They are times only if all names of a list have them, with equally many digits.
_SECONDS = re.compile(r"(?P<clip>(?:.*[^\w.])?|.*_)(?P<time>\d{1,15}[.,](?P<part>\d{2,9}))s?\Z", re.ASCII | re.DOTALL)

_WHOLE = re.compile(r"\d{1,18}\.0", re.ASCII)  # If all names are like "7.0", they are whole numbers stored as floats.

_BETWEEN = " _-.([{#@~"  # What stands between a clip and the number of a frame.


class FrameName(NamedTuple):
    """A name's clip and frame.

    Attributes:
      clip: the folders and the text before the digits; "" where there is none.
      frame: the number, which may be larger than `LARGEST_FRAME` (see `frame_places`); None where the name has none.
      rest: the text after the digits, without the endings that are cut.
    """

    clip: str
    frame: int | None
    rest: str = ""


def frame_name(name: str) -> FrameName:
    """Finds clip and frame in `name`, the name or path of a picture or of a file made from one.

    "b/walk_0007.jpg" is frame 7 of the clip "b/walk", "0007.png" is frame 7 of the clip "", and "b/cover.jpg" has the
    clip "b/cover" and no frame. A later time (date and time of day, or seconds since 1970) gives a larger
    frame.
    """
    folder, _, stem = name.replace("\\", "/").rpartition("/")
    stem = _without_endings(stem)
    if (time := _TIME.search(stem)) is not None:
        digits = "".join(re.findall(r"\d", time[0]))
        text, frame, rest = stem[: time.start()], int(digits.ljust(23, "0")), ""
    elif (match := _LAST_DIGITS.search(stem)) is not None:
        # No frame number has so many digits; int() of thousands of digits is slow.
        text, frame, rest = stem[: match.start()], int(match[1][:40]), match[2].strip(" _-.)]}")
    else:
        text, frame, rest = stem, None, ""
    text = text.rstrip(_BETWEEN) if frame is not None else text
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    return FrameName("/".join([*parts, text] if text else parts), frame, rest)


def frame_places(names: Sequence[str], clip: str, where: str) -> list[tuple[str, int]] | None:
    """Finds a different (clip, frame) for each of `names`; None where no name has digits.

    Text after the digits belongs to the clip if pictures would otherwise get the same frame (0007_left, 0007_right).
    Numbers larger than `LARGEST_FRAME` are times: the frames of such clips are counted in the order of the times. If
    other names have digits, a name without digits is frame 0 of a clip of its own. If two names still give the same
    frame (7.jpg, 007.jpg), a warning is logged, and the frames of that clip are counted in the order of their numbers
    and names.

    Args:
      names: of pictures or files, all different.
      clip: the clip of names that have no text for it.
      where: the name of their source in messages.
    """
    if (times := _seconds(names, clip)) is not None:
        return in_order(times)
    read = [frame_name(name) for name in names]
    if all(_WHOLE.fullmatch(name) for name in names):
        read = [FrameName("", int(name.partition(".")[0])) for name in names]
    if not any(found.frame is not None for found in read):
        return None
    places = [(found.clip or clip, found.frame or 0) for found in read]
    if len(set(places)) < len(places):
        with_rest = ["_".join(part for part in (found.clip, found.rest) if part) or clip for found in read]
        places = [(longer, frame) for longer, (_, frame) in zip(with_rest, places, strict=True)]
    first: dict[tuple[str, int], str] = {}
    twice = {place[0] for place, name in zip(places, names, strict=True) if first.setdefault(place, name) != name}
    if twice:
        at = next(place for place, name in zip(places, names, strict=True) if first[place] != name)
        other = next(name for place, name in zip(places, names, strict=True) if place == at and first[place] != name)
        logging.warning(
            "%s: %s and %s are both frame %d of clip %s; frames of this clip are numbered in the order of the names",
            where, first[at], other, at[1], at[0],
        )  # fmt: skip
        by_name = sorted(range(len(places)), key=lambda i: (places[i][1], names[i]))
        counted = collections.Counter[str]()
        for i in by_name:
            if places[i][0] in twice:
                places[i] = (places[i][0], counted[places[i][0]])
                counted[places[i][0]] += 1
    return in_order(places)


def _seconds(names: Sequence[str], clip: str) -> list[tuple[str, float]] | None:
    """Finds (clip, seconds) in names that all end with seconds (walk_0.040); None where they do not.

    "1.040" may also be picture 40 of video 1. Seconds are recognised by two facts: the step from the last time of one
    second to the first time of the next is as long as the steps within a second, and their fractions, unlike the
    numbers of pictures, are not consecutive.
    """
    times: list[tuple[str, float]] = []
    lengths: set[int] = set()
    for name in names:
        folder, slash, stem = name.replace("\\", "/").rpartition("/")
        stem = _without_endings(stem)
        if (match := _SECONDS.match(stem)) is None or _TIME.search(stem):
            return None
        times.append(
            (frame_name(f"{folder}{slash}{match['clip']}0").clip or clip, float(match["time"].replace(",", ".")))
        )
        lengths.add(len(match["part"]))
    ordered = sorted(set(times))
    pairs = [(one[1], other[1]) for one, other in itertools.pairwise(ordered) if one[0] == other[0]]
    within = sorted(after - before for before, after in pairs if int(before) == int(after))
    between = [after - before for before, after in pairs if int(before) != int(after)]
    if len(lengths) != 1 or len(ordered) < len(times) or not within or not between:
        return None
    step, smallest = within[len(within) // 2], 1.5 * 10.0 ** -lengths.pop()
    going_on = sum(gap < 2.5 * step for gap in between)
    return times if within[0] > smallest and 2 * going_on >= len(between) else None


class Picture(NamedTuple):
    """Holds what a file says about one picture; None where it says nothing.

    Attributes:
      name: the name of the picture's file.
      video: the name or number of its video.
      frame: its number in the video; or its time, if the number has a fraction or is larger than `LARGEST_FRAME`.
    """

    name: str | None
    video: str | None = None
    frame: float | None = None


def picture_places(pictures: Sequence[Picture], clip: str, where: str) -> list[tuple[str, int]] | None:
    """Finds a different (clip, frame) for each of `pictures`; None where neither fields nor names give one.

    Fields come first: the video is the clip, the frame is the frame. If a field is missing, the name of the picture
    is used (see `frame_places`). If two pictures have the same fields, only the names are used, and a warning is
    logged. Another warning is logged if each picture is a clip of its own.

    Args:
      pictures: of a file, each once.
      clip: the clip of pictures for which the file and the name give none.
      where: the name of the file in messages.
    """
    names = [picture.name for picture in pictures if picture.name is not None]
    usable = len(names) == len(pictures) == len(set(names))

    def named() -> list[tuple[str, int]] | None:
        return frame_places(names, clip, where) if usable else None

    if any(picture.video is not None or picture.frame is not None for picture in pictures):
        complete = all(picture.frame is not None and picture.frame <= LARGEST_FRAME for picture in pictures)
        places = _by_fields(pictures, None if complete else named(), clip)
        if places is not None and len(set(places)) < len(places):
            logging.warning("%s: two pictures have the same fields of clip and frame; names are used instead", where)
            places = named()
    else:
        places = named()
    if places is not None:
        tell_single_frames([clip for clip, _ in places], where)
    return places


def _by_fields(
    pictures: Sequence[Picture], named: list[tuple[str, int]] | None, clip: str
) -> list[tuple[str, int]] | None:
    """Finds (clip, frame) in fields, and in `named` where a field is missing; None where a picture has neither."""
    places: list[tuple[str, float]] = []
    for number, (name, video, frame) in enumerate(pictures):
        # A number above LARGEST_FRAME is a name of the picture (PoseTrack: 10000010001); it counts only if nothing else
        # is there.
        if (frame is None or frame > LARGEST_FRAME) and named is not None:
            frame = named[number][1]
        if frame is None:
            return None
        if video is None:
            video = (frame_name(name).clip if name is not None else "") or clip
        places.append((video, frame))
    return in_order(places)


def in_order(places: Sequence[tuple[str, float]]) -> list[tuple[str, int]]:
    """Numbers the frames of clips with times from 0, in the order of the times; returns (clip, frame) for each.

    A number is a time if it has a fraction, is negative or is larger than `LARGEST_FRAME`. Clips without times keep
    their numbers.
    """
    by_clip: dict[str, set[float]] = {}
    for clip, time in places:
        by_clip.setdefault(clip, set()).add(time)
    rank: dict[str, Mapping[float, int]] = {}
    for clip, times in by_clip.items():
        if any(time > LARGEST_FRAME or time < 0 or int(time) != time for time in times):
            rank[clip] = {time: place for place, time in enumerate(sorted(times))}
    return [(clip, rank[clip][time] if clip in rank else int(time)) for clip, time in places]


def tell_single_frames(clips: Iterable[str], where: str) -> None:
    """Logs a warning where each frame is a clip of its own; `clips` has the clip of each frame."""
    counts = collections.Counter(clips)
    if len(counts) > 1 and max(counts.values()) == 1:
        some = ", ".join(list(counts)[:3])
        logging.warning(
            "%s: each of its %d clips has one frame (%s, ...); if this is one video, number its pictures at the end "
            "of their names, as in walk_0007.jpg",
            where,
            len(counts),
            some,
        )


def _without_endings(stem: str) -> str:
    """Cuts extensions and what programs add from `stem`, as long as some text is left."""
    while True:
        for ending in (_ADDED, _EXTENSION):
            if (match := ending.search(stem)) is not None and match.start():
                stem = stem[: match.start()]
                break
        else:
            return stem
