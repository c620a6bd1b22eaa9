"""A small file of easy_ViTPose with tracking: two people, nobody, one of them."""

import json
import pathlib

from samples.coco import NAMES

# easy_ViTPose's coco_25.
FEET = ["big_toe", "small_toe", "heel"]
NAMES_25 = [
    *NAMES[:5], "neck", *NAMES[5:13], "hip", *NAMES[13:], *(f"left_{joint}" for joint in FEET),
    *(f"right_{joint}" for joint in FEET),
]  # fmt: skip


def person(x: float, joints: int = 17) -> list[list[float]]:
    """Joint i stands at (x + i, 100 + 10 i); y first."""
    return [[100.0 + 10 * i, x + i, 0.5] for i in range(joints)]


def content(frames: list[dict], names: list[str] | None = NAMES) -> dict:
    skeleton = {} if names is None else {"skeleton": {str(i): name for i, name in enumerate(names)}}
    return {"keypoints": frames, **skeleton}


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    frames = [{"4": person(200.0), "2": person(400.0)}, {}, {"2": person(410.0)}]
    (folder / "walk_result.json").write_text(json.dumps(content(frames)))
    return f"vitpose:{folder / 'walk_result.json'}", {}
