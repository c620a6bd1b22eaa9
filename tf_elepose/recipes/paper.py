"""The differences between a config and the paper of its method.

Each method that implements a paper lists in recipes/NAME/paper.py what the paper states, where its authors' program
differs, and what this package adds, with the value that switches each addition off. `python -m tf_elepose.train
--config=FILE --differences` prints them for a config; `paper_only` switches the additions off.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from tf_elepose.methods.registry import METHODS


@dataclasses.dataclass(frozen=True)
class Addition:
    """A setting that controls something that the paper does not have.

    Attributes:
      off: the value that switches it off.
      what: a sentence about what it does when it is on.
    """

    off: Any
    what: str


@dataclasses.dataclass(frozen=True)
class Paper:
    """The settings of a method, as its paper has them. Every setting of the method is in one of the four groups.

    Attributes:
      title: of the paper.
      stated: {setting: value} that the paper states.
      program: {setting: value} where the program that the authors published differs from the paper, or has a value
        that the paper does not state.
      additions: {pattern of settings: what this package adds}; in patterns, * stands for any text.
      open: patterns of settings that the paper leaves to the user (data, seeds, how the machine is used), or that only
        matter when an addition is on.
    """

    title: str
    stated: Mapping[str, Any]
    program: Mapping[str, Any]
    additions: Mapping[str, Addition]
    open: tuple[str, ...]

    def addition(self, setting: str) -> Addition | None:
        """The addition that `setting` controls, or None."""
        return next((one for pattern, one in self.additions.items() if fnmatch.fnmatchcase(setting, pattern)), None)

    def is_open(self, setting: str) -> bool:
        """Whether the paper leaves `setting` to the user."""
        return any(fnmatch.fnmatchcase(setting, pattern) for pattern in self.open)


def paper_of(method: str) -> Paper | None:
    """The paper of a method of `METHODS`; None for a method whose paper this package does not follow to the letter."""
    if not METHODS[method].follows_paper:
        return None
    return importlib.import_module(f"{METHODS[method].recipe}.paper").PAPER


def paper_only(config: ConfigDict) -> ConfigDict:
    """Switches off, in `config`, everything that is not in the paper of its method, and returns it.

    Raises:
      ValueError: the method has no paper to follow.
    """
    paper = _required(config.method)
    for setting, _ in _flat(config):
        addition = paper.addition(setting)
        if addition is not None:
            config.update_from_flattened_dict({setting: addition.off})
    return config


def differences(config: ConfigDict) -> str:
    """The differences of `config` from the paper of its method, as text: a line for each.

    Raises:
      ValueError: the method has no paper to follow.
    """
    paper = _required(config.method)
    added, changed, kept = [], [], []
    for setting, value in _flat(config):
        addition = paper.addition(setting)
        if addition is not None and not _equal(value, addition.off):
            added.append(f"  {setting} = {_shown(value)}: {addition.what} Off: {_shown(addition.off)}")
        elif setting in paper.stated and not _equal(value, paper.stated[setting]):
            as_program = setting in paper.program and _equal(value, paper.program[setting])
            source = "as the authors' program" if as_program else "this package's choice"
            changed.append(f"  {setting} = {_shown(value)}: the paper has {_shown(paper.stated[setting])}; {source}")
        elif setting not in paper.stated and setting in paper.program and not _equal(value, paper.program[setting]):
            kept.append(
                f"  {setting} = {_shown(value)}: the paper does not say; the authors' program has "
                f"{_shown(paper.program[setting])}"
            )
    parts = (
        ("On, and not in the paper:", added),
        ("Different from the paper:", changed),
        ("Not in the paper, and different from the authors' program:", kept),
    )
    lines = [line for heading, found in parts if found for line in (heading, *found)]
    return "\n".join([f"{paper.title}: differences of this config", *(lines or ["  none"])])


def ungrouped(config: ConfigDict, paper: Paper) -> list[str]:
    """The settings of `config` that are in none of the groups of `paper`; without any, `differences` is complete."""
    return [
        setting
        for setting, _ in _flat(config)
        if setting not in paper.stated
        and setting not in paper.program
        and paper.addition(setting) is None
        and not paper.is_open(setting)
    ]


def _required(method: str) -> Paper:
    if (paper := paper_of(method)) is None:
        known = ", ".join(name for name, row in METHODS.items() if row.follows_paper)
        raise ValueError(f"method {method!r}: follows no paper to the letter; the methods that do are {known}")
    return paper


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, ConfigDict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _equal(one: Any, other: Any) -> bool:
    return (tuple(one) == tuple(other)) if isinstance(other, tuple) and isinstance(one, (tuple, list)) else one == other


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
