"""Models that come with the package: bundles reduced to two files by `python -m export.pretrained`."""

from __future__ import annotations

import pathlib

_FOLDER = pathlib.Path(__file__).parent


def pretrained_models() -> dict[str, pathlib.Path]:
    """The models that come with the package, {name: folder}; empty where it was built without any."""
    return {path.parent.name: path.parent for path in sorted(_FOLDER.glob("*/metadata.json"))}
