"""The line under a table that says when, on what and with what it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def made_with(results: Sequence[Mapping[str, Any]]) -> str:
    """A line with dates, hardware, versions and commits of `results`, each only once."""
    days = sorted({result["date"][:10] for result in results})
    parts = [" to ".join(dict.fromkeys([days[0], days[-1]]))] if days else []
    parts += dict.fromkeys(result["hardware"] for result in results)
    parts += dict.fromkeys(f"{name} {version}" for result in results for name, version in result["versions"].items())
    parts += dict.fromkeys(f"commit {result['commit']}" for result in results if "commit" in result)
    return ", ".join(parts)
