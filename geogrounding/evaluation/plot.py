"""Curves as SVG, small enough to stand inside a page."""

from __future__ import annotations

from html import escape

from geogrounding.evaluation.metric_tables import Curves

_WIDTH, _HEIGHT = 640, 400
_LEFT, _TOP, _RIGHT, _BOTTOM = 56, 16, 190, 48
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
_DASHES = ("", "6 3", "2 3")


def draw_curves(curves: Curves) -> str:
    """An SVG element: both axes from 0 to 1, one line for each curve, names beside."""
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(curves.title)}" font-family="sans-serif" font-size="12">'
    ]
    for n in range(6):
        share = n / 5
        x, y = _LEFT + wide * share, _TOP + high * (1 - share)
        parts.append(f'<path d="M{_LEFT} {y:.1f}h{wide}M{x:.1f} {_TOP}v{high}" stroke="#ddd" fill="none"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.1f}</text>')
        parts.append(f'<text x="{x:.1f}" y="{_TOP + high + 16}" text-anchor="middle">{share:.1f}</text>')
    parts.append(
        f'<text x="{_LEFT + wide / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(curves.x_label)}</text>'
    )
    middle = _TOP + high / 2
    parts.append(
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">'
        f"{escape(curves.y_label)}</text>"
    )
    for n, line in enumerate(curves.lines):
        points = " ".join(
            f"{_LEFT + wide * float(x):.1f},{_TOP + high * (1 - float(y)):.1f}"
            for x, y in zip(line.x, line.y, strict=True)
        )
        dash = _DASHES[n // len(COLOURS) % len(_DASHES)]
        style = f'stroke="{COLOURS[n % len(COLOURS)]}" stroke-width="2" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{points}" fill="none" {style}/>')
        row = _TOP + 8 + 18 * n
        parts.append(f'<path d="M{_LEFT + wide + 12} {row}h18" {style}/>')
        parts.append(f'<text x="{_LEFT + wide + 36}" y="{row + 4}">{escape(line.name[:24])}</text>')
    return "".join([*parts, "</svg>"])
