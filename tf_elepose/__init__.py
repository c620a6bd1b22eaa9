"""Unsupervised 3D human pose estimation: 2D keypoints in, 3D poses, camera elevation and likelihood out.

Public names are imported when they are first used, so that `import tf_elepose` costs nothing and needs no TensorFlow.
"""

from __future__ import annotations

import importlib
import pathlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tf_elepose.data.recording import Recording
    from tf_elepose.data.sources import load_source
    from tf_elepose.evaluation.evaluation import Evaluation, evaluate_poses
    from tf_elepose.inference.lifter import Lifter
    from tf_elepose.methods.elepose import ElePose
    from tf_elepose.motion.lifted import Lifted
    from tf_elepose.motion.prediction import Prediction
    from tf_elepose.normalization import Normalizer
    from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE, Skeleton, get_skeleton
    from tf_elepose.training.evaluator import evaluate_method
    from tf_elepose.training.workdir import load_model

_HOMES = {
    "ElePose": "methods.elepose",
    "Evaluation": "evaluation.evaluation",
    "H36M_17": "skeleton.skeletons",
    "H36M_17_ELEPOSE": "skeleton.skeletons",
    "Lifted": "motion.lifted",
    "Lifter": "inference.lifter",
    "Normalizer": "normalization",
    "Prediction": "motion.prediction",
    "Recording": "data.recording",
    "Skeleton": "skeleton.skeletons",
    "evaluate_method": "training.evaluator",
    "evaluate_poses": "evaluation.evaluation",
    "get_skeleton": "skeleton.skeletons",
    "load_model": "training.workdir",
    "load_source": "data.sources",
}

__all__ = [
    "H36M_17",
    "H36M_17_ELEPOSE",
    "ElePose",
    "Evaluation",
    "Lifted",
    "Lifter",
    "Normalizer",
    "Prediction",
    "Recording",
    "Skeleton",
    "evaluate_method",
    "evaluate_poses",
    "get_skeleton",
    "load_model",
    "load_source",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value = _version(pathlib.Path(__file__).parent.parent / "setup.cfg")
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "__version__"})


def _version(beside: pathlib.Path) -> str:
    """The version that setup.cfg states: the file `beside` the package in a clone, or what was installed from it.

    The clone comes first: what is installed under the same name may be another copy. "0+unknown" for a folder that was
    copied without either.
    """
    import configparser
    from importlib import metadata

    stated = configparser.ConfigParser(interpolation=None)
    stated.read(beside, encoding="utf-8")
    if stated.get("metadata", "name", fallback=None) == __name__:
        return stated["metadata"]["version"]
    try:
        return metadata.version(__name__)
    except metadata.PackageNotFoundError:
        return "0+unknown"
