"""The method of a config, and the check that the config has exactly the settings of that method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from tf_elepose.methods.registry import METHODS, Row
from tf_elepose.recipes.config_parts import ADDED_LATER

_FREE = ("data_options.", ".optimizer.")
"""Parts of the names of settings that depend on the choice of a reader or schedule, and so are not checked here."""


def method_of(config: ConfigDict) -> Row:
    """The row of the config's method.

    Loss terms that are off by default, and settings of later versions, are added to a config that does not name them.
    So a run that an older version started can be continued.

    Raises:
      ValueError: an unknown method, or settings that it does not have or that are missing in the config.
    """
    if config.method not in METHODS:
        raise ValueError(f"unknown method {config.method!r}; expected one of {', '.join(METHODS)}")
    _add_terms_that_are_off(config)
    known, stated = set(_names(METHODS[config.method].default_config())), set(_names(config))
    with config.unlocked():
        for name in ADDED_LATER.keys() & (known - stated):
            *stages, last = name.split(".")
            if all(stage in config for stage in stages):  # A whole stage that is missing is reported below.
                (config[stages[0]] if stages else config)[last] = ADDED_LATER[name]
    require_known_settings(config)
    return METHODS[config.method]


def require_known_settings(config: ConfigDict) -> None:
    """Raises a ValueError for missing settings, and for settings that are not in the default config: nothing would use
    them.
    """
    stated, known = set(_names(config)), set(_names(METHODS[config.method].default_config()))
    unknown = sorted(name for name in stated - known if not any(part in name for part in _FREE))
    missing = sorted(name for name in known - stated if not any(part in name for part in _FREE))
    if unknown or missing:
        found = [f"{what} {_listed(names)}" for what, names in (("unknown", unknown), ("missing", missing)) if names]
        file = METHODS[config.method].recipe.replace(".", "/") + "/config.py"
        raise ValueError(f"config settings: {'; '.join(found)}; {file} has all there are")


def _add_terms_that_are_off(config: ConfigDict) -> None:
    for stage, default in METHODS[config.method].default_config().items():
        stated = config.get(stage)
        if not all(isinstance(part, ConfigDict) and "term_weights" in part for part in (default, stated)):
            continue
        with config.unlocked():
            for term, weight in default.term_weights.items():
                if not weight and term not in stated.term_weights:
                    stated.term_weights[term] = weight


def _listed(names: list[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _names(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, ConfigDict):
            yield from _names(value, f"{prefix}{key}.")
        else:
            yield prefix + key
