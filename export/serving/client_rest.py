"""Lifts poses with TensorFlow Serving over REST; needs only Python's standard library.

    python export/serving/client_rest.py keypoints.json

keypoints.json is a list of poses as detectors write them (COCO's results): {"keypoints": [x, y, score, x, y, score,
...]}, in pixels, x right, y down, joints in the order of the convention of the export; null for a joint that was not
found. Prints one line of JSON for each pose.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

POSES_A_REQUEST = 256
"""Most poses in a request to a server with export/serving/batching_parameters.txt."""

_SECONDS = 30.0


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments, "http://127.0.0.1:8501", __doc__)
    keypoints, confidence = read_keypoints(options.file)
    version = f"/versions/{options.version}" if options.version else ""
    url = f"{options.server}/v1/models/{options.model}{version}:predict"
    for rows in requests(len(keypoints)):
        inputs: dict[str, Any] = {"keypoints": keypoints[rows], "confidence": confidence[rows]}
        if options.signature != "likelihood":  # `likelihood` does not scale poses.
            inputs["root_head_mm"] = [options.root_head_mm] * len(keypoints[rows])
        print_poses(predict(url, {"signature_name": options.signature, "inputs": inputs}))


def predict(url: str, body: dict[str, Any]) -> dict[str, list[Any]]:
    """The outputs by name; exits with the server's message if it refuses the request."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            return json.load(response)["outputs"]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"error: {url}: {error.code}: {error.read().decode(errors='replace')}") from error
    except OSError as error:
        raise SystemExit(f"error: {url}: {error}") from error


def parse(arguments: Sequence[str], server: str, description: str | None) -> argparse.Namespace:
    """The options on the command line, for both clients."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="keypoints")
    parser.add_argument("--server", default=server, help="%(default)s if not given")
    parser.add_argument("--model", default="elepose", help="its name on the server, %(default)s if not given")
    parser.add_argument("--version", type=int, help="the largest if not given")
    parser.add_argument("--signature", default="lift", help="%(default)s if not given")
    parser.add_argument("--root_head_mm", type=float, default=0.0, help="root to head, for poses in millimetres")
    return parser.parse_args(arguments)


def read_keypoints(path: str) -> tuple[list[list[list[float]]], list[list[float]]]:
    """Keypoints [N, K, 2] and confidences [N, K]; null becomes 0, and confidence 0 means not seen."""
    try:
        with open(path, encoding="utf-8") as file:
            poses = [pose["keypoints"] for pose in json.load(file)]
        if any(len(pose) % 3 or len(pose) != len(poses[0]) for pose in poses):
            raise ValueError("x, y and score of the same joints for every pose")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SystemExit(f"error: {path}: expected a list of poses with keypoints ({error})") from error
    keypoints, confidence = [], []
    for pose in poses:
        joints = [pose[first : first + 3] for first in range(0, len(pose), 3)]
        keypoints.append([[0.0, 0.0] if None in joint else joint[:2] for joint in joints])
        confidence.append([0.0 if None in joint else joint[2] for joint in joints])
    return keypoints, confidence


def requests(poses: int) -> Iterator[slice]:
    """The slices of poses that go into one request each."""
    for first in range(0, poses, POSES_A_REQUEST):
        yield slice(first, min(first + POSES_A_REQUEST, poses))


def print_poses(outputs: dict[str, list[Any]]) -> None:
    """Prints a line of JSON for each pose, with the outputs by name."""
    for row in zip(*outputs.values(), strict=True):
        print(json.dumps(dict(zip(outputs, row, strict=True))))


if __name__ == "__main__":
    main(sys.argv[1:])
