"""A folder with a model in all formats, written under a temporary name, verified, and renamed when complete."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

from absl import logging as absl_logging

from export import examples
from export.signature import Signed
from tf_elepose.cli.provenance import provenance
from tf_elepose.data.visibility import by_name
from tf_elepose.skeleton import conventions
from tf_elepose.storage import files
from tf_elepose.training import workdir

FORMATS = ("saved_model", "tflite", "onnx")

_NEEDS = {"tflite": ("ai_edge_litert", "litert_quantizer"), "onnx": ("tf2onnx", "onnxruntime")}

_REPRESENTATIVE = 200  # Number of poses on which the ranges of int8 are measured.

INPUTS = {
    "keypoints": "[B, K, 2] px, x right, y down; NaN, infinite, at least 1e6, or exactly (0, 0) or (-1, -1): not seen; "
    "but (0, 0) and (-1, -1) are places in a pose with its root (root_of) at the origin and joints on both sides of it",
    "confidence": "[B, K]; up to min_confidence, not finite or at least 1e6: not seen. If usual_confidence is stated, "
    "the model uses the detector's confidence, 0 to 1; without one, give the usual confidence of each joint",
    "root_head_mm": "[B] wanted distance from root to head of poses_3d, mm; 0 (or an impossible length): unit scale",
}
OUTPUTS = {
    "poses_3d": "[B, J, 3] unit scale (about one from root to head) or mm; camera frame x right, y down, z forward; "
    "root at the origin; 0 where not valid",
    "valid": "[B] False: too few joints or no extent; the other outputs are 0 there",
    "elevation_deg": "[B] degrees of the camera above the horizon, positive looking down",
    "canonical_3d": "[B, J, 3] poses_3d rotated back into the coordinate system that training found, which does not "
    "depend on the side from which a person is seen",
    "camera_rotation": "[B, 3, 3] that rotates canonical_3d to poses_3d: p = R c for each joint",
    "nll": "[B] mean negative log-likelihood over a fixed set of views, nats; lower means likelier; "
    "likelihood_quantiles has its quantiles over the training poses, 0 %, 1 %, ... 100 %",
}


def export_bundle(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    formats: Sequence[str] = FORMATS,
    convention: str | None = None,
    min_confidence: float = 0.0,
) -> list[Any]:
    """Writes `output`/saved_model/1, tflite/*.tflite, onnx/*.onnx and metadata.json.

    Args:
      model: a finished workdir, or a model.npz.
      output: a folder that does not exist yet, or is empty.
      formats: which of `FORMATS`.
      convention: convention of the keypoints, a name or file; the model's own when None.
      min_confidence: joints with no higher confidence count as missing.

    Returns:
      the differences from the model, see `verify.verify`.

    Raises:
      ValueError: an unknown format or convention, a model that cannot be exported, a missing package, a folder that
        is not empty, or a file whose output differs from the model's. Nothing is written then.
    """
    target = pathlib.Path(output)
    _require_possible(target, formats)
    method, info = workdir.load_model_and_info(model)
    source = method.skeleton if convention is None else conventions.get_convention(convention)
    signed = Signed(method, source, min_confidence)
    facts = _metadata(signed, source.name, pathlib.Path(model), info)
    likely = examples.plausible(signed, _REPRESENTATIVE, seed=1)
    with folder_beside(target) as folder, _quiet():
        written: dict[str, pathlib.Path] = {}
        if "saved_model" in formats:
            from export.saved_model import export_saved_model

            path = export_saved_model(signed, folder / "saved_model", likely)
            (path / "assets.extra").mkdir(exist_ok=True)
            files.write_json(path / "assets.extra" / "metadata.json", facts)
            written["saved_model"] = path
        if "tflite" in formats:
            from export.tflite import export_tflite

            written |= {f"tflite/{n}": p for n, p in export_tflite(signed, folder / "tflite", facts, likely).items()}
        if "onnx" in formats:
            from export.onnx import export_onnx

            written |= {f"onnx/{n}": p for n, p in export_onnx(signed, folder / "onnx", facts).items()}
        from export.verify import verify

        differences = verify(signed, written, folder)
        files.write_json(folder / "metadata.json", facts | {"files": _checksums(folder)})
    return differences


def _require_possible(target: pathlib.Path, formats: Sequence[str]) -> None:
    if not formats or not set(formats) <= set(FORMATS):
        raise ValueError(f"formats: expected some of {', '.join(FORMATS)}; got {', '.join(formats) or 'none'}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{target}: expected a new or an empty folder for the export; this one is not empty")
    needed = {package for name in (*formats, "tflite", "onnx") for package in _NEEDS.get(name, ())}
    if missing := sorted(package for package in needed if importlib.util.find_spec(package) is None):
        raise ValueError(f"export needs {', '.join(missing)}, which come with pip install 'tf_elepose[export]'")


@contextlib.contextmanager
def folder_beside(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """A new folder that becomes `target` when the block ends without an error, and is removed otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    folder.mkdir()
    try:
        yield folder
        if target.exists():
            target.rmdir()  # Fails if it is not empty, because another process wrote into it meanwhile.
        folder.rename(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides the converters' progress and their warnings about their own deprecated interfaces."""
    before = absl_logging.get_verbosity()
    absl_logging.set_verbosity(absl_logging.ERROR)
    try:
        yield
    finally:
        absl_logging.set_verbosity(before)


def _metadata(signed: Signed, convention: str, model: pathlib.Path, info: dict[str, Any]) -> dict[str, Any]:
    """The content of metadata.json, plain values: all facts that a user of the files needs."""
    path = model / "model.npz" if model.is_dir() else model
    made = provenance()
    packages = ("tf2onnx", "onnx", "onnxruntime", "ai-edge-litert", "litert-quantizer")
    versions = {name: importlib.metadata.version(name) for name in packages}
    skeleton, quantiles = signed.method.skeleton, signed.method.likelihood_quantiles
    usual = {} if quantiles is None else {"likelihood_quantiles": [float(value) for value in quantiles]}
    if (confidence := signed.method.usual_confidence) is not None:
        usual["usual_confidence"] = [float(value) for value in confidence]
    return usual | {
        "model": signed.method.name,
        "fingerprint": "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest(),
        "convention": convention,
        "keypoints": list(signed.conversion.source),
        "missing": list(signed.conversion.missing),
        "root_of": by_name(signed.conversion.source, signed.root_weights),
        "min_confidence": signed.min_confidence,
        "skeleton": skeleton.to_dict(),
        "inputs": {name: {spec.name: INPUTS[spec.name] for spec in signed.specs(name)} for name in signed.functions},
        "outputs": {
            name: {key: OUTPUTS[key] for key in sorted(signed.concrete(name).structured_outputs)}
            for name in signed.functions
        },
        "axes": "x right, y down, z forward",
        "units": "px in; unit scale, or mm where root_head_mm is given, out",
        "flip_average": bool(getattr(signed.method, "flip_average", False)),
        "licence": "Apache-2.0 for the program; of the weights, what the training data's licence allows",
        "trained": _without_folders(info),
        "exported": made | {"versions": made["versions"] | versions},
    }


def _without_folders(info: dict[str, Any]) -> dict[str, Any]:
    """`info` with the name of the training data's file instead of its path, which belongs to one machine."""
    format_name, colon, path = str(info.get("source", "")).partition(":")
    return info | {"source": f"{format_name}:{pathlib.PurePath(path).name}"} if colon else info


def _checksums(folder: pathlib.Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
