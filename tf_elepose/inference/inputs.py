"""Finds out which SOURCE each INPUT of the command `lift` means, and the options with which it is read."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tf_elepose.data.parsers.limits import unpacked_name
from tf_elepose.data.sources import READERS, SYNTHETIC, get_reader, reader_options


def source_of(text: str, convention: str | None) -> str:
    """Returns the SOURCE that an INPUT means.

    Raises:
      ValueError: the format is not given; it is not guessed.
    """
    if text == SYNTHETIC or text.partition(":")[0] in READERS:
        return text
    by_suffix = {".npz": "npz", ".npy": "npz", ".csv": "csv"}
    format_name = by_suffix.get(unpacked_name(text).suffix.lower())
    if format_name is not None and (":" not in text or pathlib.Path(text).exists()):
        if convention is None:
            raise ValueError(
                f"input {text!r}: its joints have no convention: give --convention=NAME, or the format, "
                f"{format_name}:{text} (a file of tf_elepose.convert is views:{text})"
            )
        return f"{format_name}:{text}"
    raise ValueError(f"input {text!r}: expected its format in front, FORMAT:PATH with one of {', '.join(READERS)}")


def source_options(sources: Sequence[str], convention: str | None, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Returns {source: keywords of `load_source`}: the stated options, and the convention for formats that need one.

    Raises:
      ValueError: two conventions, or a convention that no input can use.
    """
    by_source: dict[str, Any] = {source: dict(stated) for source in sources}
    if convention is None:
        return by_source
    if stated.get("convention", convention) != convention:
        raise ValueError(f"--convention={convention} and --option=convention={stated['convention']}: give one of them")
    asking = [
        source
        for source in by_source
        if source != SYNTHETIC and "convention" in reader_options(get_reader(source.partition(":")[0]))
    ]
    if not asking:
        raise ValueError(f"--convention={convention}: {', '.join(by_source)} says itself whose joints it holds")
    for source in asking:
        by_source[source]["convention"] = convention
    return by_source
