"""The options of every SOURCE, whatever its format: people, corrections, splits and checks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence, Set
from typing import Any

from absl import logging

from tf_elepose.data import corrections
from tf_elepose.data.checks import sanity
from tf_elepose.data.checks.sanity import Finding
from tf_elepose.data.checks.streamed import PartsSeen
from tf_elepose.data.parsers.limits import listed
from tf_elepose.data.recording import Recording
from tf_elepose.data.tracks.identity import FRAME_RATE
from tf_elepose.skeleton.skeletons import MIN_JOINTS

CHECKS = ("warn", "strict", "off")

Progress = Callable[[int, float | None], None]
"""Called with the number of rows read so far and, where it is known, the share of the source."""


@dataclasses.dataclass(frozen=True)
class SourceOptions:
    """The options of `load_source` and `stream_source` besides the reader's own.

    Users write them on the command line: a wrong value gives an error of one line before anything is read.

    Attributes:
      people: "all"; "best", in every image the row with the highest score; "largest" or "longest", one person of every
        clip; or a person's number; see `chosen_rows`.
      min_joints: rows that show fewer joints of the wanted skeleton are dropped.
      flip_y, swap_sides: see `corrections`.
      fps: frames a second. They are needed to link people over time where a source has no ids.
      test_from: in every clip, frames from this number on are the test split and earlier frames the train split; 0
        keeps the source's own split.
      test_subjects: all poses of these people are the test split, and those of all others the train split; () keeps the
        source's own split.
      check: what happens with findings of `sanity` in the corrected data: "warn" logs them, "strict" raises an error,
        "off" does not check.
      progress: see `Progress`.

    Raises:
      ValueError: a value of another kind or out of range; the message names the option.
    """

    people: str | int = "all"
    min_joints: int = MIN_JOINTS
    fps: float = FRAME_RATE
    flip_y: bool = False
    swap_sides: str = "none"
    test_from: int = 0
    test_subjects: str | Sequence[str] = ()
    check: str = "warn"
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if isinstance(self.min_joints, bool) or not isinstance(self.min_joints, int) or self.min_joints < 1:
            raise ValueError(f"min_joints: expected an integer from 1; got {self.min_joints!r}")
        rate = self.fps
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0.0 < rate < float("inf"):
            raise ValueError(f"fps: expected frames a second, above 0; got {rate!r}")
        if isinstance(self.test_from, bool) or not isinstance(self.test_from, int) or self.test_from < 0:
            raise ValueError(f"test_from: expected a frame from 0; got {self.test_from!r}")
        if not isinstance(self.flip_y, bool):
            raise ValueError(f"flip_y: expected true or false; got {self.flip_y!r}")
        for name, known in (("swap_sides", corrections.SIDES), ("check", CHECKS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: expected one of {', '.join(known)}; got {getattr(self, name)!r}")
        if self.progress is not None and not callable(self.progress):
            raise ValueError(f"progress: expected a function; got {self.progress!r}")
        names: Any = (self.test_subjects,) if isinstance(self.test_subjects, str) else self.test_subjects
        if not isinstance(names, Sequence) or not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"test_subjects: expected names of people, in quotes if they are numbers; got {names!r}")
        if names and self.test_from:
            raise ValueError(f"test_from={self.test_from} and test_subjects={listed(names)}: give one of them")
        object.__setattr__(self, "test_subjects", tuple(names))

    def require_people(self, people: Set[str], source: str) -> None:
        """Raises a ValueError if one of `test_subjects` is not among `people`, all the subjects of `source`."""
        if strangers := sorted(set(self.test_subjects) - people):
            raise ValueError(
                f"{source}: test_subjects: nobody is called {listed(strangers)}; there are {listed(sorted(people))}"
            )

    def corrected(self, recording: Recording) -> Recording:
        """Corrects axis, sides and split of `recording` by these options."""
        recording = corrections.flip_y(recording) if self.flip_y else recording
        recording = corrections.swap_sides(recording, self.swap_sides)
        if self.test_subjects:
            return corrections.leave_out(recording, self.test_subjects)
        return corrections.split_at(recording, self.test_from) if self.test_from else recording

    def findings(self, read: Recording | PartsSeen) -> list[Finding]:
        """Finds what looks wrong in data that were read with these options; nothing where `check` is "off"."""
        if self.check == "off":
            return []
        option = {"flipped_y": f"flip_y={str(self.flip_y).lower()}", "swapped_sides": f"swap_sides={self.swap_sides}"}
        found = []
        for finding in read.findings() if isinstance(read, PartsSeen) else sanity.findings(read):
            undo = option.get(finding.test, "")
            if undo and not undo.endswith(("=false", "=none")):  # The correction itself may be what is wrong.
                finding = dataclasses.replace(finding, remedy=f"leave out --option={undo}")
            found.append(finding)
        return found

    def tell(self, found: Sequence[Finding], source: str) -> None:
        """Logs a warning for each of the findings; if `check` is "strict", raises a ValueError with all of them.

        A joint that is never seen is no mistake (LSP has no nose), so it is only logged.
        """
        wrong = [finding for finding in found if finding.test != "missing_joint"]
        if wrong and self.check == "strict":
            raise ValueError(f"{source}: {'; '.join(map(str, wrong))}")
        for finding in found:
            logging.warning("%s: %s", source, finding)
