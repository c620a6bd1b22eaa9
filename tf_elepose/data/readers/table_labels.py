"""Finds the columns of a text table that say clip, frame and person of a row, by the names that programs use.

Columns are recognised by their names, such as "frame_no" or "Track ID". A warning names the columns that are not known.
If such a column may be the frame, the person or the clip, it is refused: without it, rows would get wrong labels.

Ids of people and cameras may be text; they are numbered in the order of appearance. A row without an id (empty, NA or
below 0), and every row of a table without a column of ids, is a person of its frame, and nothing says who it is.
"""

from __future__ import annotations

import collections
import datetime
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from absl import logging

from tf_elepose.data.frame_names import frame_name, frame_places, tell_single_frames
from tf_elepose.data.identities import PERSON, PLACE
from tf_elepose.data.parsers.delimited import is_missing
from tf_elepose.data.parsers.limits import MAX_TEXT_LENGTH, listed
from tf_elepose.data.recording import SPLITS

_NUMBER = r"(?:no|nr|num|number|id|ids|idx|index|name|label)?"
# Names without case and punctuation, the preferred ones first. A tracker's id identifies a person; other ids may not.
_ROLES = {
    "frame": (rf"(?:frame|frm|framecount|videoframe){_NUMBER}",),
    "image": (r"(?:image|img|picture|photo|file)(?:file)?(?:name|path|file|id)?|frame(?:name|path|file)|path",),
    "time": (r"(?:time|timestamp|timecode|datetime)(?:s|sec|secs|seconds|ms|msec|us|usec|ns|millis|milliseconds)?",
             r"t|seconds|secs?|ms|millis|milliseconds"),
    "person": (r"person", rf"track(?:ing|er)?{_NUMBER}", rf"(?:person|people|human|pedestrian){_NUMBER}",
               rf"(?:player|individual|identity|actor|performer|animal|instance|object|obj){_NUMBER}|pid|tid", r"id"),
    "camera": (rf"(?:camera|cam|view|viewpoint){_NUMBER}",),
    "clip": (r"clip", rf"(?:clip|video|vid|movie){_NUMBER}(?:name|file|path)?",
             rf"(?:sequence|seq|recording|trial|take|scene|session){_NUMBER}"),
    "subject": (rf"(?:subject|participant|subj|patient|athlete){_NUMBER}",),
    "action": (rf"(?:action|activity|exercise|movement){_NUMBER}",),
    "split": (r"split",),
}  # fmt: skip
_LIKE = {
    "frame": {"frame", "frames", "frm"}, "person": {"person", "track", "player", "people", "pid"},
    "clip": {"clip", "video", "sequence", "seq"},
}  # fmt: skip
LABELS = tuple(_ROLES)
_MEASURES = {
    "width", "height", "w", "h", "size", "rate", "fps", "score", "scores", "conf", "confidence", "prob", "count",
    "total", "length", "len", "duration", "area", "weight", "age", "sex", "speed", "x", "y", "z", "bbox", "box",
    "valid", "visible", "type", "status", "quality", "time", "s", "ms", "start", "end", "color", "colour",
}  # fmt: skip
_DEPTH = re.compile(r"z\d{1,4}|.*[_ .]z", re.IGNORECASE)  # Depths are not read, and need no warning.
_FRAMES = ("frame", "image", "time")  # Labels that say the frame; the first one that a table has is taken.
_INTEGERS = ("frame", "camera", "person")
_LARGEST = 2**31 - 1
_OF_A_VIDEO = r"\.(?:mp4|m4v|avi|mov|mkv|webm|mpe?g|wmv|flv|3gp|mts|m2ts)$"
_OF_A_PICTURE = r"\.(?:jpe?g|png|bmp|tiff?|webp|ppm|pgm)$"
_MOST_SHOWN = 20
_ROWS_OF_AN_INDEX = 3  # A column "id" only counts the rows if its values all differ in at least this many rows.

REPEATED = "of a clip, frame and person that an earlier row has"
"""Why rows are left out: the same person cannot be at two places."""


class RowLabels:
    """The labels of the rows of one table, from first to last.

    Attributes:
      columns: {label: the places of its columns}.
      learns: whether `learn` must see all rows before `fields` is called.
    """

    def __init__(
        self, names: Sequence[str], joints: Iterable[int], first: Sequence[str], stem: str, where: str
    ) -> None:
        """Finds the columns of labels.

        Args:
          names: of all columns, from line 1.
          joints: places of the columns that hold joints.
          first: the cells of line 2; if the frame is not a number, it is the name of a picture.
          stem: name of the file; it names clips and subjects if no column does.
          where: beginning of messages.

        Raises:
          ValueError: a column may be a label, but its name is not known.
        """
        self._names, self._stem, self._where = names, stem, where
        joints = set(joints)
        self.columns = _roles([name if i not in joints else "" for i, name in enumerate(names)])
        cell = {label: first[places[0]].strip() for label, places in self.columns.items() if first}
        if re.search(r"\d", cell.get("frame", "")) and math.isnan(_number(cell["frame"])):
            self.columns["image"] = self.columns.pop("frame")  # "walk_0007.jpg"
        elif re.search(_OF_A_VIDEO, cell.get("image", ""), re.IGNORECASE):
            self.columns.setdefault("clip", self.columns.pop("image"))
        used = joints | {place for places in self.columns.values() for place in places}
        unread = [i for i, name in enumerate(names) if i not in used and not _DEPTH.fullmatch(name)]
        self._require_no_label(names, unread)
        if unread:
            unnamed = [f"column {i + 1} without a name" for i in unread if not names[i]]
            shown = [*filter(None, [listed([names[i] for i in unread if names[i]])]), *unnamed[:1]]
            logging.warning("%s: columns that are not read: %s", where, ", ".join(shown))
        self._by = next((label for label in _FRAMES if label in self.columns), None)
        self.learns = self._by in ("image", "time")
        self._places: dict[tuple[str, str], tuple[str, int]] = {}
        self._numbers: dict[str, dict[str, int]] = {}
        self._met: collections.Counter[tuple[Any, ...]] = collections.Counter()
        self._repeated, self._first_repeated = 0, ""
        self._started = False

    def learn(self, rows: Iterable[tuple[int, list[str]]]) -> None:
        """Takes the frames of all rows (line, cells) from the names of their pictures, or from their times."""
        met: dict[tuple[str, str], int] = {}
        for line, cells in rows:
            if len(cells) > max(place for places in self.columns.values() for place in places):
                met.setdefault((self._clip(cells, line), self._cell(str(self._by), cells)), line)
        if self._by == "time":
            times = {key: _seconds(key[1], f"{self._where}: line {line}: time") for key, line in met.items()}
            by_clip: dict[str, set[float]] = {}
            for (clip, _), time in times.items():
                by_clip.setdefault(clip, set()).add(time)
            order = {clip: {time: i for i, time in enumerate(sorted(found))} for clip, found in by_clip.items()}
            self._places = {key: (key[0], order[key[0]][time]) for key, time in times.items()}
            return
        names = list(dict.fromkeys(name for _, name in met))
        found = frame_places(names, self._stem, self._where)
        places = dict(zip(names, found or [(name, 0) for name in names], strict=True))
        of_column = "clip" in self.columns
        self._places = {(clip, name): (clip if of_column else places[name][0], places[name][1]) for clip, name in met}
        tell_single_frames([clip for clip, _ in set(self._places.values())], self._where)

    def fields(self, lines: Sequence[tuple[int, list[str]]]) -> tuple[dict[str, Any], np.ndarray]:
        """Returns the labels of the next rows (line, cells) as keywords for `Rows`, and which rows [n] are kept.

        A row is left out if an earlier row has the same clip, camera, frame and person.

        Raises:
          ValueError: a cell is wrong; the message names the line.
        """
        if not self._started:
            self._look_at_ids([cells for _, cells in lines])
        fields: dict[str, list[Any]] = {name: [] for name in ("clip", "frame", "camera", "person", "identity")}
        keep = np.ones(len(lines), bool)
        for row, (line, cells) in enumerate(lines):
            clip, camera = self._clip(cells, line), self._id("camera", cells, line) or 0
            person, frame = self._id("person", cells, line), 0
            if self._by == "frame":
                frame = self._integer("frame", cells, line)
            elif self._by is not None:
                clip, frame = self._places[clip, self._cell(self._by, cells)]
            key = (clip, camera, frame, person) if self._by else (clip, camera, person)
            count = self._met[key]
            self._met[key] += 1
            if self._by is None:
                frame = count
            elif person is not None and count:
                keep[row] = False
                if not self._repeated:
                    self._first_repeated = (
                        f"line {line}: clip {clip!r}, frame {frame}, person {self._cell('person', cells)}"
                    )
                self._repeated += 1
            known = person is not None or self._by is None
            values = (clip, frame, camera, (0 if known else count) if person is None else person)
            for name, value in zip(fields, (*values, PERSON if known else PLACE), strict=True):
                fields[name].append(value)
        if self._by is None and "person" not in self.columns:
            del fields["person"], fields["identity"]
        labels: dict[str, Any] = {n: np.array(v, np.int64 if n in _INTEGERS else np.str_) for n, v in fields.items()}
        for name in ("subject", "action", "split"):
            if name in self.columns:
                labels[name] = np.array([self._text(name, cells, line) for line, cells in lines], np.str_)
        labels = {name: values[keep] for name, values in labels.items()}
        if not keep.all():
            labels["dropped"] = {REPEATED: int((~keep).sum())}
        return {"subject": self._stem} | labels, keep

    def tell(self) -> None:
        """Logs, after the last row, which rows were left out and which number each id that is text has got."""
        for label, numbers in self._numbers.items():
            shown = [f"{text[:40]!r} is {number}" for text, number in list(numbers.items())[:_MOST_SHOWN]]
            more = ", ..." if len(numbers) > _MOST_SHOWN else ""
            logging.warning("%s: %s: %s%s", self._where, label, ", ".join(shown), more)
        if self._repeated:
            logging.warning(
                "%s: %d rows are left out, because an earlier row has the same clip, frame and person; the first is "
                "%s; different people need different ids, and different frames different numbers",
                self._where, self._repeated, self._first_repeated,
            )  # fmt: skip

    def _look_at_ids(self, rows: Sequence[list[str]]) -> None:
        """Learns from the first rows what kind of ids the file has."""
        self._started = True
        for label in ("person", "camera"):
            ids = [self._cell(label, cells) for cells in rows] if label in self.columns else []
            texts = sorted({text for text in ids if not is_missing(text) and not _number(text) < 0})
            if any(math.isnan(_number(text)) for text in texts):
                self._numbers[label] = {text: number for number, text in enumerate(texts)}
        bare = [i for i in self.columns.get("person", ()) if _plain(self._names[i]) == "id"]
        ids = [cells[bare[0]].strip() for cells in rows] if bare else []
        if len(ids) >= _ROWS_OF_AN_INDEX and len(set(ids)) == len(ids):
            logging.warning(
                "%s: column id: not taken for the person, because every row has a different value", self._where
            )
            del self.columns["person"]
            self._numbers.pop("person", None)

    def _require_no_label(self, names: Sequence[str], unread: Iterable[int]) -> None:
        for i in unread:
            words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", names[i])}
            for label, like in _LIKE.items():
                given = self.columns.keys() & (_FRAMES if label == "frame" else {label})
                if words & like and not words & _MEASURES and not given:
                    raise ValueError(
                        f"{self._where}: line 1: column {names[i]!r} may be the {label}: if it is, name it {label}; "
                        "otherwise leave it out"
                    )

    def _cell(self, label: str, cells: Sequence[str]) -> str:
        return cells[self.columns[label][0]].strip()

    def _clip(self, cells: Sequence[str], line: int) -> str:
        if "clip" in self.columns:
            return "/".join(self._text("clip", cells, line, place) for place in self.columns["clip"])
        if self._by != "frame" or "image" not in self.columns:
            return self._stem
        name = self._text("image", cells, line)  # The frame has a column of its own.
        return (frame_name(name).clip or self._stem) if re.search(_OF_A_PICTURE, name, re.IGNORECASE) else name

    def _text(self, label: str, cells: Sequence[str], line: int, place: int | None = None) -> str:
        cell = self._cell(label, cells) if place is None else cells[place].strip()
        if label == "split" and cell not in SPLITS:
            raise ValueError(f"{self._where}: line {line}: split: expected train or test; got {cell[:40]!r}")
        if len(cell) > MAX_TEXT_LENGTH:
            raise ValueError(
                f"{self._where}: line {line}: {label}: expected at most {MAX_TEXT_LENGTH} characters; got {len(cell)}"
            )
        return cell

    def _integer(self, label: str, cells: Sequence[str], line: int) -> int:
        cell = self._cell(label, cells)
        value = _number(cell)  # Spreadsheets and data frames write 3 as 3.0.
        if not (0 <= value <= _LARGEST and value.is_integer()):
            raise ValueError(f"{self._where}: line {line}: {label}: expected an integer from 0; got {cell[:40]!r}")
        return int(value)

    def _id(self, label: str, cells: Sequence[str], line: int) -> int | None:
        """Returns the number of an id; None where there is none. Trackers that have lost a person write -1."""
        if label not in self.columns or is_missing(cell := self._cell(label, cells)):
            return None
        value = _number(cell)
        if label == "person" and value < 0:
            return None
        if label not in self._numbers:
            return self._integer(label, cells, line)
        return self._numbers[label].setdefault(self._text(label, cells, line), len(self._numbers[label]))


def _roles(names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Finds the columns of each label: one, or several for a clip whose name is in parts."""
    plain, found = [_plain(name) for name in names], dict[str, tuple[int, ...]]()
    for label, patterns in _ROLES.items():
        for pattern in (label, *patterns):
            taken = {place for places in found.values() for place in places}
            places = [i for i, name in enumerate(plain) if i not in taken and re.fullmatch(pattern, name)]
            if places:
                found[label] = tuple(places if label == "clip" else places[:1])
                break
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _number(cell: str) -> float:
    """Returns the number in a cell; NaN if it is text."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _seconds(cell: str, what: str) -> float:
    """Reads a time (a number, hours:minutes:seconds, or a date with the time) as a number that grows with time."""
    try:
        if (clock := re.fullmatch(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)", cell)) is not None:
            return 3600.0 * float(clock[1] or 0) + 60.0 * float(clock[2]) + float(clock[3])
        time = float(cell) if re.fullmatch(r"[-+.\deE]+", cell) else datetime.datetime.fromisoformat(cell).timestamp()
    except (ValueError, OverflowError, OSError):
        time = math.nan
    if not math.isfinite(time):
        raise ValueError(f"{what}: expected seconds, 00:00:00.0 or a date with the time; got {cell[:40]!r}")
    return time
