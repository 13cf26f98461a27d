"""The table of model families as text, for docs/models.md."""

from __future__ import annotations

import sys

from geogrounding.models.families import FAMILIES


def table() -> str:
    """The table of docs/models.md, in Markdown; ``python -m geogrounding.models.families_table`` prints it."""
    head = ("family", "range", "order", "image", "form of its own", "says none", "use", "evidence", "source")
    lines = [head, ("---",) * len(head)]
    for family in sorted(FAMILIES, key=lambda family: family.name.casefold()):
        unit = f" (of {family.unit:g})" if family.unit else ""
        use = f"refused: {family.refusal}" if family.refusal else f"prompt style {family.style}"
        lines.append(
            (
                family.name,
                family.coordinates + unit,
                family.order,
                family.image,
                f"`{family.form}`" if family.form[0] in "[{<" and ";" not in family.form else family.form,
                family.none,
                use,
                family.evidence,
                family.source,
            )
        )
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
