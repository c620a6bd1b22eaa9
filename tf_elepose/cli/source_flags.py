"""Flags of every command that reads a SOURCE: --option=key=value, as often as needed, and --strict."""

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
        "image_size=[1920,1080]; --option=swap_sides=arms and --option=flip_y=true set right what a file has wrong. "
        "python -m tf_elepose.convert --formats lists them.",
    )
    flags.DEFINE_boolean("strict", False, "Stop when the data look wrong, instead of a warning.")


def stated() -> dict[str, Any]:
    """Keywords for `load_source` from this command's flags.

    Raises:
      ValueError: an option without a value, given twice, or a value that is not YAML; or --strict together with
        another check.
    """
    options = parse_options(flags.FLAGS.option)
    if flags.FLAGS.strict:
        if options.get("check", "strict") != "strict":
            raise ValueError(f"--strict and --option=check={options['check']}: give one of them")
        options["check"] = "strict"
    return options


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """{key: value} of "key=value" texts, the values read as YAML: numbers, true, text, [lists], {mappings}.

    As in YAML 1.2, "off", "no" and dates are text.

    Raises:
      ValueError: one line with the text that is wrong.
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
    import yaml  # Commands without options do without.

    class Loader(yaml.SafeLoader):
        """With the numbers, truth values and null of YAML 1.2's core schema, everything else text."""

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
