"""Describes the formats and their options for users: `python -m tf_elepose.convert --formats [FORMAT]`."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from tf_elepose.data import sources
from tf_elepose.data.source_options import SourceOptions

_WIDTH = 120

# One line for each option, shown by --formats; "FORMAT.option" where one format needs other words. For options that are
# not here, the first clause of the reader's docstring is shown.
_BRIEFLY = {
    "convention": "which joints the file has: a name of docs/data.md, or a .yaml file",
    "image_size": "[WIDTH,HEIGHT] of the pictures, px",
    "moved_mm": "a training frame is read if a joint has moved by this many mm",
    "subjects": "subjects to read, such as [S1,S9]; all if not given",
    "cameras": "cameras to read, such as [54138969]; all if not given",
    "third": "what the third number of a keypoint is: confidence, visibility or z",
    "universal": "true reads the poses of the universal skeleton",
    "h36m.detections": "NAME of data_2d_h36m_NAME.npz, the detected poses to read beside the true ones",
    "h36m.every": "N reads every Nth frame",
    "h36m.train_every": "N reads every Nth frame of the training subjects",
    "h36m.test_every": "N reads every Nth frame of the test subjects",
    "mpi_inf_3dhp.cameras": "cameras of the training set to read, 0 to 13",
    "mpi_inf_3dhp.swap_flipped": "true swaps left and right where they are wrong: frames 3759 to 5852 of S4/Seq2",
    "3dpw.validation": "split that the validation sequences belong to: train, test, or out",
    "skipose.swap_legs": "true swaps left and right legs; for data in which the check finds them swapped",
    "mpii.split": "split of the poses of a JSON list: train or test",
    "coco.images": "annotation file that gives clip and frame of each image, for a results file",
    "openpose.keypoint_scale": "OpenPose's flag: 0 pixels, 3 from 0 to 1, 4 from -1 to 1",
    "yolo.person_class": "number of the class of people",
    "yolo.last": "what a single number behind the keypoints is: confidence or track",
    "tfjs.list_of": "what the outer list holds: frames, or the people of one picture",
    "movenet.padded": "true if the picture was padded to a square",
    "movenet.min_score": "people whose score is not above this are left out",
    "npz.array": "name of the array of keypoints",
    "npz.axes": "order of the axes of an array of several people: people_frames or frames_people",
    "bvh.joints": ".yaml file that maps the skeleton's joints to the file's joints, if their names are not known",
    "bvh.scale": "size of one unit of the file in mm, if the body's height does not show it",
    "bvh.up": "axis that points up: x, y or z",
    "bvh.frame_rate": "frames a second to keep; all if not given",
    "bvh.cameras": "number of virtual cameras around each clip",
    "bvh.elevation_mean": "degrees of the cameras above the horizon: mean",
    "bvh.elevation_std": "degrees of the cameras above the horizon: standard deviation",
    "bvh.roll_std": "roll of the cameras, degrees: standard deviation",
    "bvh.distance_mean": "mm from the cameras to the middle of the clip: mean",
    "bvh.distance_std": "mm from the cameras to the middle of the clip: standard deviation",
    "bvh.test_fraction": "share of the clips in the test split",
    "bvh.seed": "seed of the cameras and the split; equal seeds give equal views",
    "people": "all, best, largest, longest, or the number of one person",
    "min_joints": "poses with fewer seen joints are left out",
    "flip_y": "true if the file's y points up",
    "swap_sides": "arms, legs or both: left and right are swapped in the file",
    "fps": "frames a second, used to link people without ids over time",
    "test_from": "frames from this number on are the test split; 0 keeps the file's split",
    "test_subjects": "these people are the test split, such as [S9,S11]",
    "check": "data that look wrong: warn, strict (they are an error) or off (no check)",
}


def formats_table() -> str:
    """Lists the formats, one line each, with one line for each of their options."""
    lines = [
        "SOURCE is FORMAT:PATH, or synthetic. Options follow as --option=NAME=VALUE, as many as needed.",
        "python -m tf_elepose.convert --formats FORMAT says more about one format.",
        "",
        *_row("FORMAT", "what it is"),
    ]
    for name in sources.READERS:
        try:
            reader = sources.get_reader(name)
        except ValueError as error:
            lines += _row(name, str(error))
            continue
        lines += _row(name, _summary(name, reader).removesuffix("."))
        lines += _option_lines(name, sources.reader_options(reader), _explained(reader.__doc__))
    lines += ["", "Options of every source:"]
    lines += _option_lines("", sources.common_options(), _explained(SourceOptions.__doc__))
    return "\n".join(lines)


def format_text(name: str) -> str:
    """Describes the format `name` and its options; ValueError if no format has this name."""
    if name not in sources.READERS:
        raise ValueError(f"--formats {name}: no such format; formats are {', '.join(sources.READERS)}")
    reader = sources.get_reader(name)
    explained, options = _explained(reader.__doc__), sources.reader_options(reader)
    lines = [f"{name}:PATH: {_summary(name, reader)}", ""]
    for paragraph in inspect.cleandoc(sys.modules[reader.__module__].__doc__ or "").split("\n\n")[1:]:
        lines += [*(paragraph.split("\n")), ""]
    for option, default in options.items():
        text = explained.get(option, "")
        first = _first_clause(text)
        told = f"{_brief(name, option, first)}.{text[len(first) + 1 :]}"
        lines += [f"--option={option}=..." + _default(default)]
        lines += textwrap.wrap(told[0].upper() + told[1:], _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(
        [*lines, "", "The options of every source are in the table: python -m tf_elepose.convert --formats"]
    )


def _option_lines(name: str, options: Mapping[str, Any], explained: Mapping[str, str]) -> list[str]:
    lines = []
    for option, default in options.items():
        text = _brief(name, option, _first_clause(explained.get(option, "")))
        lines += _row(f"  {option}", text + _default(default))
    return lines


def _brief(name: str, option: str, otherwise: str) -> str:
    return _BRIEFLY.get(f"{name}.{option}") or _BRIEFLY.get(option) or otherwise


def _row(left: str, right: str) -> list[str]:
    return textwrap.wrap(right, _WIDTH, initial_indent=f"{left:<18}", subsequent_indent=" " * 18) or [left]


def _summary(name: str, reader: Callable[..., Any]) -> str:
    """A reader's description: the first lines of its module, where these name the format, or of its own docstring."""
    of_module = (sys.modules[reader.__module__].__doc__ or "").strip().partition("\n\n")[0]
    named = re.match(r"(`\w+`(?:,| and)? ?)+: ", of_module)
    text = of_module if named and f"`{name}`" in named[0] else (reader.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(text.removeprefix(named[0] if named else "").split())


def _explained(docstring: str | None) -> dict[str, str]:
    """{option: what the Args or Attributes of a docstring say of it}."""
    listed = re.search(r"^(?:Args|Attributes):\n((?:  .*\n?)+)", inspect.cleandoc(docstring or ""), re.MULTILINE)
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=  \w)", listed[1] if listed else ""):
        names, colon, text = entry.partition(": ")
        if colon:
            found |= {name.strip(): " ".join(text.split()) for name in names.split(",")}
    return found


def _first_clause(text: str) -> str:
    return re.split(r"(?<=\w)[.;](?:\s|$)", text)[0]


def _default(value: Any) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return f" ([{','.join(map(str, value))}])"
    return f" ({str(value).lower() if isinstance(value, bool) else value})"
