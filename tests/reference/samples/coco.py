"""Small COCO files: keypoint annotations, and results for the same images."""

import json
import pathlib

NAMES = [
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
]  # fmt: skip


def keypoints(x: float, third: float) -> list[float]:
    """Joint i stands at (x + i, 100 + 10 i)."""
    return [number for i in range(len(NAMES)) for number in (x + i, 100.0 + 10 * i, third)]


def person(image: int, x: float, **fields) -> dict:
    return {
        "id": int(x),
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "num_keypoints": 17,
        "keypoints": keypoints(x, 2),
        "bbox": [x, 100, 17, 170],
        "area": 2000.0,
        "segmentation": [[x, 100, x + 17, 100, x + 17, 270]],
    } | fields


def annotations() -> dict:
    """Two images, two people in the first, one in the second, a crowd and somebody without keypoints."""
    crowd = {"iscrowd": 1, "segmentation": {"counts": [1, 2], "size": [480, 640]}}
    return {
        "info": {"year": 2017},
        "licenses": [],
        "images": [
            {"id": 785, "file_name": "clip/000000000012.jpg", "width": 640, "height": 480},
            {"id": 139, "file_name": "clip/000000000013.jpg", "width": 640, "height": 480},
        ],
        "annotations": [
            person(785, 200.0),
            person(139, 300.0),
            person(785, 400.0),
            person(785, 500.0, num_keypoints=0, keypoints=[0] * 51),
            person(139, 600.0, **crowd),
        ],
        "categories": [
            {"supercategory": "person", "id": 1, "name": "person", "keypoints": NAMES, "skeleton": [[16, 14]]}
        ],
    }


def results() -> list:
    return [
        {"image_id": 785, "category_id": 1, "keypoints": keypoints(200.0, 0.5), "score": 0.5},
        {"image_id": 785, "category_id": 1, "keypoints": keypoints(400.0, 0.9), "score": 0.75},
        {"image_id": 139, "category_id": 1, "keypoints": keypoints(300.0, 1), "score": 1},
    ]


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    (folder / "person_keypoints.json").write_text(json.dumps(annotations()))
    return f"coco:{folder / 'person_keypoints.json'}", {}


def write_results(folder: pathlib.Path) -> tuple[str, dict]:
    (folder / "results.json").write_text(json.dumps(results()))
    return f"coco:{folder / 'results.json'}", {}
