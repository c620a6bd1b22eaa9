"""SOURCE, the text by which commands and configs name their data: `synthetic` or `FORMAT:PATH`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tf_elepose.data.readers.views import read_views
from tf_elepose.data.recording import Recording
from tf_elepose.data.synthetic import synthesize
from tf_elepose.skeletons import Skeleton

SYNTHETIC = "synthetic"

READERS: dict[str, Callable[..., Recording]] = {"views": read_views}
"""{FORMAT: reader}; a reader takes the path, the wanted skeleton and its own options by keyword."""


def load_source(source: str, skeleton: Skeleton, **options: Any) -> Recording:
    """The recording that `source` names, its joints in the order of `skeleton`.

    Args:
      source: `synthetic`, or `FORMAT:PATH` with a format of `READERS`; a path starts at the current directory.
      skeleton: the joints wanted.
      **options: handed to the reader, or to `synthesize`.

    Raises:
      ValueError: an unknown format or option, or what the reader found wrong.
    """
    if source == SYNTHETIC:
        _require_known(options, synthesize, source)
        return synthesize(skeleton, **options)
    format_name, colon, path = source.partition(":")
    if format_name not in READERS or not colon:
        known = ", ".join([SYNTHETIC, *(f"{name}:PATH" for name in READERS)])
        raise ValueError(f"unknown source {source!r}: expected one of {known}")
    if not path:
        raise ValueError(f"source {source!r}: expected a path after the colon")
    reader = READERS[format_name]
    _require_known(options, reader, source)
    return reader(path, skeleton, **options)


def _require_known(options: Mapping[str, Any], reader: Callable[..., Recording], source: str) -> None:
    parameters = inspect.signature(reader).parameters.values()
    known = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    if unknown := sorted(set(options) - set(known)):
        raise ValueError(
            f"source {source!r}: unknown option {', '.join(unknown)}; options are {', '.join(known) or 'none'}"
        )
