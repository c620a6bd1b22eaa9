"""A small alphapose-results.json: Halpe's 26 keypoints, tracked; nobody in the second frame."""

import json
import pathlib


def keypoints(x: float, joints: int = 26) -> list[float]:
    """Joint i stands at (x + i, 100 + 10 i)."""
    return [number for i in range(joints) for number in (x + i, 100.0 + 10 * i, 0.5)]


def person(image: str | int, x: float, joints: int = 26, **fields) -> dict:
    return {
        "image_id": image,
        "category_id": 1,
        "keypoints": keypoints(x, joints),
        "score": 2.5,
        "box": [x, 100.0, 30.0, 260.0],
    } | fields


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    people = [person("0.jpg", 200.0, idx=4), person("0.jpg", 400.0, idx=[2.0]), person("2.jpg", 410.0, idx=2)]
    (folder / "alphapose-results.json").write_text(json.dumps(people))
    return f"alphapose:{folder / 'alphapose-results.json'}", {}
