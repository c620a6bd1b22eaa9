"""A small file of MediaPipe's landmarks: one person a frame, nobody in the second."""

import json
import pathlib


def landmarks(x: float) -> list[dict]:
    """Landmark i stands at (x + i / 100, .25 + i / 50) of the image's sides."""
    return [{"x": x + i / 100, "y": 0.25 + i / 50, "z": -0.5, "visibility": 0.5, "presence": 0.75} for i in range(33)]


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    frames = [{"frame": 7, "landmarks": landmarks(0.25)}, {"frame": 8, "landmarks": []}]
    frames.append({"frame": 9, "landmarks": landmarks(0.3)})
    path = folder / "landmarks.json"
    path.write_text(json.dumps({"image_width": 640, "image_height": 480, "frames": frames}))
    return f"mediapipe:{path}", {}
