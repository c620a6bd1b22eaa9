"""Flags of every command that reads a SOURCE: --option=key=value, as often as needed, --people and --strict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from absl import flags


def define_flags() -> None:
    flags.DEFINE_multi_string(
        "option",
        [],
        "KEY=VALUE of an option of the source, as often as needed: people=best, convention=coco_17, "
        "image_size=[1920,1080]; --option=swap_sides=arms and --option=flip_y=true correct mistakes of a file. "
        "python -m tf_elepose.convert --formats lists them.",
    )
    flags.DEFINE_string(
        "people",
        None,
        "People to keep: all (if not given); best, in every image the one with the highest score; largest or longest, "
        "in every clip the largest or the longest seen person; or the number of a person. Same as --option=people.",
    )
    flags.DEFINE_boolean("strict", False, "Stop when the data look wrong, instead of a warning.")


def options_from_flags() -> dict[str, Any]:
    """The keywords for `load_source` that the flags of this command give.

    Raises:
      ValueError: an option has no value, is given twice, or its value is not YAML; or --people or --strict contradicts
        another choice of people or another check.
    """
    options = parse_options(flags.FLAGS.option)
    if (people := flags.FLAGS.people) is not None and str(options.setdefault("people", people)) != people:
        raise ValueError(f"--people={people} and --option=people={options['people']}: give one of them")
    if flags.FLAGS.strict:
        if options.get("check", "strict") != "strict":
            raise ValueError(f"--strict and --option=check={options['check']}: give one of them")
        options["check"] = "strict"
    return options


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """The options {key: value} in "key=value" texts; values are YAML: numbers, true, text, [lists], {mappings}.

    As in YAML 1.2, "off", "no" and dates are text.

    Raises:
      ValueError: a text is wrong; the message is one line and quotes it.
    """
    options: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.isidentifier()):
            raise ValueError(f"--option={text}: expected key=value, such as people=best")
        if name in options:
            raise ValueError(f"--option={text}: {name} is given twice")
        try:
            options[name] = _yaml_value(value)
        except Exception as error:
            raise ValueError(f"--option={text}: {value!r} is not valid YAML") from error
        if not _is_plain(options[name]):
            raise ValueError(f"--option={text}: expected numbers, true or false, text, or lists of them")
    return options


def _yaml_value(text: str) -> Any:
    import yaml  # Imported here because only commands with options need it.

    class Loader(yaml.SafeLoader):
        """Reads numbers, truth values and null as YAML 1.2's core schema does, and everything else as text."""

        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    for kind, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("null", r"null|~|", ["n", "~", ""]),
        ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
        ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=e))(e[-+]?[0-9]+)?", "-+0123456789."),
    ):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(rf"^(?:{pattern})$"), list(first))
    return yaml.load(text, Loader)


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, bool, int, float))
