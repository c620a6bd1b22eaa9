"""An exported model's names and orders as Kotlin and Swift source, so that nobody types them by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_NOTICE = "Written by python -m export.mobile; do not edit."

_TEXTS = ("model", "signature", "convention", "fingerprint", "root", "head")

_SIDES = ("LEFT", "RIGHT", "MIDDLE")


def kotlin(facts: Mapping[str, Any]) -> str:
    """PoseSkeleton.kt for what `assets.write_assets` returns.

    Raises:
      ValueError: a name with characters that do not print.
    """
    quote = _quoting("$")
    texts = "".join(f"    const val {_upper(name)} = {quote(facts[name])}\n" for name in _TEXTS)
    inputs, outputs = (
        "".join(f"    const val {kind}_{_upper(name)} = {quote(name)}\n" for name in _named(facts, kind.lower()))
        for kind in ("INPUT", "OUTPUT")
    )
    bones = _lines(
        [(f"Bone({child}, {parent}, Side.{_SIDES[side]})", names) for child, parent, side, names in _bones(facts)]
    )
    return f"""// {_NOTICE}
package org.tfelepose.sample

object PoseSkeleton {{
{texts}{inputs}{outputs}
    /** Whether the model predicts the camera's elevation; the other outputs always exist. */
    const val HAS_ELEVATION = {"true" if "elevation_deg" in facts["outputs"] else "false"}

    /** Confidences up to this count as not seen. */
    const val MIN_CONFIDENCE = {float(facts["min_confidence"])!r}f

    /** The detector's keypoints, in the order of the model's input. */
    val KEYPOINTS = listOf(
{_listed(facts["keypoints"], quote)}    )

    /** The joints of the lifted pose, in the order of the model's output. */
    val JOINTS = listOf(
{_listed(facts["joints"], quote)}    )

    enum class Side {{ LEFT, RIGHT, MIDDLE }}

    /** Places of two joints in JOINTS. */
    class Bone(val child: Int, val parent: Int, val side: Side)

    val BONES = listOf(
{bones}    )
}}
"""


def swift(facts: Mapping[str, Any]) -> str:
    """PoseSkeleton.swift for the same `facts`; raises the same errors as `kotlin`."""
    quote = _quoting("")
    texts = "".join(f"    static let {_camel(name)} = {quote(facts[name])}\n" for name in _TEXTS)
    inputs, outputs = (
        "".join(f"    static let {_camel(f'{kind}_{name}')} = {quote(name)}\n" for name in _named(facts, kind))
        for kind in ("input", "output")
    )
    bones = _lines(
        [
            (f"Bone(child: {child}, parent: {parent}, side: .{_SIDES[side].lower()})", names)
            for child, parent, side, names in _bones(facts)
        ]
    )
    return f"""// {_NOTICE}

enum PoseSkeleton {{
{texts}{inputs}{outputs}
    /// Whether the model predicts the camera's elevation; the other outputs always exist.
    static let hasElevation = {"true" if "elevation_deg" in facts["outputs"] else "false"}

    /// Confidences up to this count as not seen.
    static let minConfidence: Float = {float(facts["min_confidence"])!r}

    /// The detector's keypoints, in the order of the model's input.
    static let keypoints = [
{_listed(facts["keypoints"], quote)}    ]

    /// The joints of the lifted pose, in the order of the model's output.
    static let joints = [
{_listed(facts["joints"], quote)}    ]

    enum Side {{ case left, right, middle }}

    /// Places of two joints in `joints`.
    struct Bone {{ let child: Int; let parent: Int; let side: Side }}

    static let bones = [
{bones}    ]
}}
"""


def _named(facts: Mapping[str, Any], kind: str) -> list[str]:
    """Names of the inputs or outputs, always with the elevation, even if the model has none; see HAS_ELEVATION."""
    return list(dict.fromkeys([*facts[f"{kind}s"], *(["elevation_deg"] if kind == "output" else [])]))


def _bones(facts: Mapping[str, Any]) -> list[tuple[int, int, int, str]]:
    """(child, parent, side, names of child and parent) of every bone; a bone is on its child's side."""
    joints, sides = facts["joints"], (facts["left"], facts["right"])
    return [
        (
            joints.index(child),
            joints.index(parent),
            next((side for side, names in enumerate(sides) if child in names), len(sides)),
            f"{child}, {parent}",
        )
        for child, parent in facts["bones"]
    ]


def _quoting(also: str) -> Callable[[str], str]:
    """A function that makes string literals, with a backslash before quotes, backslashes and `also`."""

    def quote(text: str) -> str:
        if not text.isprintable():
            raise ValueError(f"a name in the sources of the samples must be printable; got {text!r}")
        return '"' + "".join("\\" + char if char in '"\\' + also else char for char in text) + '"'

    return quote


def _listed(names: Sequence[str], quote: Callable[[str], str]) -> str:
    return _lines([(quote(name), str(place)) for place, name in enumerate(names)])


def _lines(items: Sequence[tuple[str, str]]) -> str:
    """A line for each item, with its remark; no comma after the last, which older compilers refuse."""
    commas = [","] * (len(items) - 1) + [""]
    return "".join(f"        {item}{comma} // {remark}\n" for (item, remark), comma in zip(items, commas, strict=True))


def _upper(name: str) -> str:
    return name.upper()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
