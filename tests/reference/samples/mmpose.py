"""A small file of MMPose's demo scripts: COCO's keypoints, nobody in the second frame."""

import json
import pathlib

from samples.coco import NAMES


def instance(x: float, joints: int = 17) -> dict:
    """Joint i stands at (x + i, 100 + 10 i)."""
    return {
        "keypoints": [[x + i, 100.0 + 10 * i] for i in range(joints)],
        "keypoint_scores": [0.5] * joints,
        "bbox": [[x, 100.0, x + 17, 270.0]],
        "bbox_score": 0.75,
    }


def frames() -> list[dict]:
    return [
        {"frame_id": 1, "instances": [instance(200.0), instance(400.0)]},
        {"frame_id": 2, "instances": []},
        {"frame_id": 3, "instances": [instance(210.0)]},
    ]


def meta_info(dataset_name: str = "coco", names: list[str] = NAMES) -> dict:
    return {
        "dataset_name": dataset_name,
        "num_keypoints": len(names),
        "keypoint_id2name": {str(i): name for i, name in enumerate(names)},
        "keypoint_name2id": {name: i for i, name in enumerate(names)},
    }


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    (folder / "results_video.json").write_text(json.dumps({"meta_info": meta_info(), "instance_info": frames()}))
    return f"mmpose:{folder / 'results_video.json'}", {}
