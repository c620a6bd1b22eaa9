"""The HTML of a report: one self-contained page without scripts, fonts or network."""

from __future__ import annotations

import base64
import dataclasses
import html
from collections.abc import Mapping, Sequence
from typing import Any

from tf_elepose.evaluation.depth_sign import VERDICTS, sign_verdict
from tf_elepose.evaluation.measures import ACTION_MEASURES, MEASURES, get_measure


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure of the page: file name without .png, the PNG itself, its description for screen readers, caption."""

    name: str
    png: bytes
    alt: str
    caption: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the page: heading, a sentence, pictures, and reasons for missing pictures; all plain text."""

    title: str
    note: str
    pictures: tuple[Picture, ...]
    missing: tuple[str, ...]


_TILES = ("pa_mpjpe_mm", "n_mpjpe_mm", "pck_150", "cps", "depth_correlation", "nll_pa_spearman")
_TILES_WITHOUT_TRUTH = ("poses", "knees_forward_share", "elevation_mean_deg", "nll_mean")

_TONES = {"right": "good", "mirrored": "bad", "mixed": "bad", "unclear": "bad", "unknown": "open"}
_SIGNS = {"good": "✓", "bad": "✕", "open": "?"}

_CSS = """
:root { --ink: #22262c; --muted: #5b6470; --line: #e2e6eb; --soft: #f5f7f9; --blue: #1f4e8c;
  --good: #1d6b45; --good-soft: #eaf5ef; --bad: #9b2c1f; --bad-soft: #fbeeec; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); line-height: 1.5; font-size: 16px;
  -webkit-text-size-adjust: 100%;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 20px; overflow-wrap: anywhere; }
h2 { font-size: 21px; line-height: 1.3; letter-spacing: -0.01em; margin: 52px 0 6px; padding-top: 20px;
  border-top: 1px solid var(--line); }
p { margin: 0 0 12px; max-width: 70ch; }
.missing { color: var(--muted); font-style: italic; margin-top: 12px; }
.verdict { display: flex; gap: 14px; align-items: baseline; padding: 14px 18px; border-radius: 8px;
  background: var(--soft); border-left: 5px solid var(--muted); margin-bottom: 20px; }
.verdict p { margin: 0; }
.verdict .sign { font-size: 20px; font-weight: 700; }
.verdict.good { background: var(--good-soft); border-color: var(--good); } .good .sign { color: var(--good); }
.verdict.bad { background: var(--bad-soft); border-color: var(--bad); } .bad .sign { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0; padding: 0; }
.tiles div { background: var(--soft); border-radius: 8px; padding: 14px 16px; }
.tiles dt { color: var(--muted); font-size: 14px; }
.tiles dd { margin: 2px 0 0; font-size: 25px; font-weight: 650; letter-spacing: -0.02em; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.pictures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 28px 32px; margin-top: 18px;
  align-items: start; }
.pictures.three { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 28px 20px; }
figure { margin: 0; }
figure img { display: block; width: 100%; height: auto; }
figcaption { color: var(--muted); font-size: 14px; margin-top: 8px; }
.scroll { overflow-x: auto; margin-top: 16px; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th, td { text-align: left; vertical-align: top; padding: 9px 20px 9px 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 600; font-size: 14px; border-bottom-color: #b8bfc9; }
tbody th { font-weight: 600; }
@media (min-width: 821px) { .measures tbody th { white-space: nowrap; } }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.words { color: var(--muted); min-width: 240px; } td.words b { color: var(--ink); font-weight: 500; }
td.fact { overflow-wrap: anywhere; white-space: pre-line; }
@media (max-width: 820px) {
  .pictures, .pictures.three { grid-template-columns: minmax(0, 1fr); }
  .three figure { max-width: 460px; }
}
@media (max-width: 620px) {
  main { padding: 24px 16px 48px; } h1 { font-size: 25px; }
  .tiles { grid-template-columns: repeat(2, 1fr); } .tiles dd { font-size: 21px; }
  .measures thead { display: none; }
  .measures tr { display: grid; grid-template-columns: 1fr auto; padding: 10px 0;
    border-bottom: 1px solid var(--line); }
  .measures th, .measures td { border: 0; padding: 0; } .measures td.words { grid-column: 1 / -1; font-size: 14px; }
  .facts tr { display: block; padding: 8px 0; border-bottom: 1px solid var(--line); }
  .facts th, .facts td { display: block; border: 0; padding: 0; }
}
@media print { main { padding: 0; } figure, tr { break-inside: avoid; } }
"""


def render_page(title: str, summary: Mapping[str, Any], sections: Sequence[Section], facts: Mapping[str, str]) -> str:
    """The page as text, UTF-8, pictures embedded.

    Args:
      title: heading, plain text (escaped here, like all text).
      summary: `Evaluation.summary()`.
      sections: shown in this order between the head and the tables.
      facts: shown as a table at the end.
    """
    body = [
        f"<h1>{_text(title)}</h1>",
        _verdict(summary),
        _tiles(summary),
        *(_section(section) for section in sections),
        _measures(summary),
        _by_action(summary.get("by_action") or {}),
        _facts(facts),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light">\n<title>{_text(title)}</title>\n<style>{_CSS}</style>\n'
        "</head>\n<body>\n<main>\n" + "\n".join(part for part in body if part) + "\n</main>\n</body>\n</html>\n"
    )


def _verdict(summary: Mapping[str, Any]) -> str:
    verdict = sign_verdict(summary)
    tone = _TONES[verdict]
    grounds = ""
    if "pa_mpjpe_mm" in summary:
        plain, mirrored = (get_measure(k) for k in ("pa_mpjpe_mm", "pa_mpjpe_reflected_mm"))
        grounds = (
            f"PA-MPJPE is {plain.text(summary[plain.key])}, or {mirrored.text(summary[mirrored.key])} when mirroring "
            "is allowed"
        )
        if "depth_correlation" in summary:
            correlation = get_measure("depth_correlation").text(summary["depth_correlation"])
            grounds += f"; the correlation of predicted and true depths is {correlation}"
        grounds += "."
    elif "knees_forward_share" in summary:
        grounds = f"{100.0 * summary['knees_forward_share']:.0f}% of the knees bend forwards."
    return (
        f'<div class="verdict {tone}"><span class="sign" aria-hidden="true">{_SIGNS[tone]}</span>'
        f"<p><strong>Depth sign: {verdict}.</strong> {_text(VERDICTS[verdict])} {_text(grounds)}</p></div>"
    )


def _tiles(summary: Mapping[str, Any]) -> str:
    keys = _TILES if "pa_mpjpe_mm" in summary else _TILES_WITHOUT_TRUTH
    measures = [get_measure(key) for key in keys if key in summary]
    cells = (f"<div><dt>{_text(m.label)}</dt><dd>{_text(m.text(summary[m.key]))}</dd></div>" for m in measures)
    return f'<dl class="tiles">{"".join(cells)}</dl>'


def _section(section: Section) -> str:
    parts = [f"<h2>{_text(section.title)}</h2>"]
    if section.note and section.pictures:
        parts.append(f"<p>{_text(section.note)}</p>")
    if section.pictures:
        three = " three" if len(section.pictures) == 3 else ""
        parts.append(f'<div class="pictures{three}">{"".join(map(_figure, section.pictures))}</div>')
    parts += [f'<p class="missing">{_text(reason)}</p>' for reason in section.missing]
    return f"<section>{''.join(parts)}</section>"


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode("ascii")
    return (
        f'<figure><img alt="{_text(picture.alt)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{_text(picture.caption)}</figcaption></figure>"
    )


def _measures(summary: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_text(m.label)}</th><td class="number">{_text(m.text(summary[m.key]))}</td>'
        f'<td class="words"><b>{_text(m.how[:1].upper() + m.how[1:])}.</b> {_text(m.explanation)}</td></tr>'
        for m in MEASURES
        if m.key in summary
    )
    return (
        '<section><h2>All figures</h2><div class="scroll"><table class="measures"><thead><tr><th>Measure</th>'
        f'<th class="number">Value</th><th>Meaning</th></tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _by_action(by_action: Mapping[str, Mapping[str, float]]) -> str:
    if not by_action:
        return ""
    columns = [get_measure(key) for key in ACTION_MEASURES if all(key in row for row in by_action.values())]
    head = "".join(f'<th class="number">{_text(m.label)}</th>' for m in columns)
    rows = "".join(
        f'<tr><th scope="row">{_text(action)}</th>'
        + "".join(f'<td class="number">{_text(m.text(row[m.key]))}</td>' for m in columns)
        + "</tr>"
        for action, row in by_action.items()
    )
    return (
        '<section><h2>By action</h2><div class="scroll"><table class="actions"><thead><tr><th>Action</th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _facts(facts: Mapping[str, str]) -> str:
    if not facts:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td class="fact">{_text(str(value))}</td></tr>'
        for name, value in facts.items()
    )
    return (
        '<section><h2>How these figures were made</h2><div class="scroll"><table class="facts"><tbody>'
        f"{rows}</tbody></table></div></section>"
    )


def _text(text: str) -> str:
    return html.escape(text, quote=True)
