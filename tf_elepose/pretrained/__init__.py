"""Models that come with the package, by name: bundles, cut down to two files by `python -m export.pretrained`."""

from __future__ import annotations

import pathlib

_FOLDER = pathlib.Path(__file__).parent


def pretrained_models() -> dict[str, pathlib.Path]:
    """{name: folder} of the models there are; empty where the package was built without any."""
    return {path.parent.name: path.parent for path in sorted(_FOLDER.glob("*/metadata.json"))}
