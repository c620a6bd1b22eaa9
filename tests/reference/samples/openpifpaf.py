"""A small folder of openpifpaf.predict's files: two people, nobody, one person; and the lines of openpifpaf.video."""

import json
import pathlib


def person(x: float, joints: int = 17, **fields) -> dict:
    """Joint i stands at (x + i, 100 + 10 i)."""
    keypoints = [number for i in range(joints) for number in (x + i, 100.0 + 10 * i, 0.5)]
    return {"keypoints": keypoints, "bbox": [x, 100.0, 17.0, 170.0], "score": 0.75, "category_id": 1} | fields


def write_pictures(folder: pathlib.Path, pictures: dict[str, list]) -> pathlib.Path:
    """Writes the people of each picture by its name."""
    folder.mkdir(exist_ok=True)
    for name, people in pictures.items():
        (folder / f"{name}.predictions.json").write_text(json.dumps(people))
    return folder


def write_video(path: pathlib.Path, frames: dict[int, list]) -> pathlib.Path:
    """Writes one line for each frame."""
    lines = [
        json.dumps({"frame": frame, "predictions": people}, separators=(",", ":")) for frame, people in frames.items()
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    files = folder / "out"
    write_pictures(files, {"walk_0001.jpg": [person(200.0), person(400.0, score=0.5)], "walk_0002.jpg": []})
    write_video(
        files / "street.mp4.openpifpaf.json",
        {1: [person(210.0, id_=4), person(410.0)], 2: [], 4: [person(220.0, id_=4)]},
    )
    return f"openpifpaf:{files}", {}
