"""The files that the samples need from a bundle: one .tflite file, and its names for JavaScript, Kotlin and Swift."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from export.mobile import constants, demo
from export.mobile.plain_outputs import with_plain_outputs
from tf_elepose.data.visibility import by_name, root_weights
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.storage import files

USUAL = ("lift_full", "lift")
"""Default signatures: the first of these that the bundle has."""


def write_assets(
    bundle: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    signature: str | None = None,
    precision: str = "float16",
) -> dict[str, Any]:
    """Writes model/{*.tflite, skeleton.json, demo.json}, kotlin/PoseSkeleton.kt and swift/PoseSkeleton.swift.

    Args:
      bundle: a folder that `bundle.export_bundle` wrote, with TFLite files.
      output: a folder that does not exist yet, or is empty.
      signature: the model's signature; when None, the first of `USUAL` that the bundle has.
      precision: one of `tflite_weights.PRECISIONS`.

    Returns:
      the content of skeleton.json.

    Raises:
      ValueError: no bundle, no such file in it, a file with another checksum, or an output folder that is not empty.
    """
    source, target = pathlib.Path(bundle), pathlib.Path(output)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{target}: expected a new or an empty folder; this one is not empty")
    described = files.read_json(source / "metadata.json")
    skeleton = _skeleton(described, source)
    signature, data = _model(source, described, signature, precision)
    data = with_plain_outputs(data)
    facts = _facts(described, skeleton, signature, precision, data)
    texts = {
        "kotlin/PoseSkeleton.kt": constants.kotlin(facts),
        "swift/PoseSkeleton.swift": constants.swift(facts),
        "model/demo.json": json.dumps(demo.clip(facts["convention"], facts["keypoints"]), separators=(",", ":")) + "\n",
    }
    for folder in ("model", "kotlin", "swift"):
        (target / folder).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        files.write_text(target / name, text)
    files.write_bytes(target / "model" / facts["model"], data)
    files.write_json(target / "model" / "skeleton.json", facts)  # Last: when it exists, the other files exist, too.
    return facts


def _skeleton(described: Any, source: pathlib.Path) -> Skeleton:
    needed = {"convention", "fingerprint", "inputs", "keypoints", "outputs", "skeleton", "files"}
    if not isinstance(described, dict) or (missing := sorted(needed - set(described))):
        missing = sorted(needed) if not isinstance(described, dict) else missing
        raise ValueError(f"{source / 'metadata.json'}: expected what python -m export writes; has no {missing[0]}")
    return Skeleton.from_dict(described["skeleton"], where=f"{source / 'metadata.json'}: skeleton")


def _model(
    source: pathlib.Path, described: Mapping[str, Any], signature: str | None, precision: str
) -> tuple[str, bytes]:
    """The chosen signature, and its file's content, whose checksum is that of the bundle."""
    able = sorted(name for name, outputs in described["outputs"].items() if "poses_3d" in outputs)
    if signature is None:
        signature = next((name for name in USUAL if name in able), "")
    if signature not in able:
        raise ValueError(f"{source}: expected a signature that gives poses, {' or '.join(able)}; got {signature!r}")
    name = f"tflite/{signature}_{precision}.tflite"
    if name not in described["files"]:
        found = sorted(n for n in described["files"] if n.startswith(f"tflite/{signature}_") and "_batch" not in n)
        raise ValueError(f"{source}: has no {name}; of that signature it has {', '.join(found) or 'no TFLite file'}")
    try:
        data = (source / name).read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"{source / name}: metadata.json names this file, but it is not there") from error
    if hashlib.sha256(data).hexdigest() != described["files"][name]:
        raise ValueError(f"{source / name}: is not the file that metadata.json was written for (its checksum differs)")
    return signature, data


def _facts(
    described: Mapping[str, Any], skeleton: Skeleton, signature: str, precision: str, data: bytes
) -> dict[str, Any]:
    """The content of skeleton.json, after a check that the TFLite file has these inputs and outputs."""
    key, shapes = _shapes(data)
    keypoints, joints = described["keypoints"], list(skeleton.joints)
    expected = {"keypoints": [1, len(keypoints), 2], "confidence": [1, len(keypoints)], "root_head_mm": [1]}
    expected |= {name: [1] for name in described["outputs"][signature]} | {"poses_3d": [1, len(joints), 3]}
    if shapes != expected:
        raise ValueError(f"{signature}_{precision}.tflite: expected inputs and outputs {expected}; it has {shapes}")
    return {
        "model": f"{signature}_{precision}.tflite",
        "sha256": hashlib.sha256(data).hexdigest(),
        "fingerprint": described["fingerprint"],
        "signature": key,
        "inputs": described["inputs"][signature],
        "outputs": described["outputs"][signature],
        "axes": described["axes"],
        "units": described["units"],
        "convention": described["convention"],
        "keypoints": keypoints,
        "root_of": described["root_of"] if "root_of" in described else _root_of(described, skeleton),
        "min_confidence": described["min_confidence"],
        "skeleton": skeleton.name,
        "joints": joints,
        "bones": [list(bone) for bone in skeleton.bones],
        "left": list(skeleton.left),
        "right": list(skeleton.right),
        "root": skeleton.root,
        "head": skeleton.head,
    }


def _root_of(described: Mapping[str, Any], skeleton: Skeleton) -> dict[str, list[float]] | None:
    """Finds the keypoints of the root for a bundle of an older version, which does not name them."""
    convention = conventions.CONVENTIONS.get(described["convention"])
    if convention is None or list(convention.joints) != described["keypoints"]:
        return None
    return by_name(convention.joints, root_weights(convention, skeleton))


def _shapes(data: bytes) -> tuple[str, dict[str, list[int]]]:
    """The signature's key in the file, and the shapes of its inputs and outputs by name."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    (key,) = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner(key)
    details = runner.get_input_details() | runner.get_output_details()
    return key, {name: detail["shape_signature"].tolist() for name, detail in details.items()}
