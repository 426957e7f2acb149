"""The pages of the site, each as an HTML fragment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from logistics.declarations import Declarations
from logistics.settings import StackSettings
from logistics.settings.load import allowed_values
from logistics.settings.model import AccountSettings, PlatformSettings, UserSettings


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """Returns a table that scrolls on a narrow screen; cells are HTML."""
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table><caption>{escape(caption)}'
        f"</caption><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def catalog(declared: Declarations) -> str:
    """Returns every table, view, stream and task with columns, types, tags and owners, and a field that filters them."""
    parts = [
        '<p><label for="filter">Find a table, column or tag</label> '
        '<input id="filter" type="search" autocomplete="off"> <output id="found" for="filter"></output></p>'
    ]
    for name, contract in sorted(
        {**declared.tables, **{n: m.contract for n, m in declared.models.models.items()}}.items()
    ):
        model = declared.models.models.get(name)
        kind = model.contract.materialization.replace("_", " ") if model else "table"
        owner = model.contract.owner if model else "platform"
        protection = contract.row_access_policy or contract.unprotected_because or "none of its own"
        rows = [
            (
                f"<code>{column.name}</code>",
                escape(column.type),
                f'<span class="tag">PII: {column.pii}</span> {column.masking_policy}' if column.pii else "",
                escape(column.comment),
            )
            for column in contract.columns
        ]
        about = (
            f"{kind}, owner {escape(owner)}; rows: {escape(protection)}; key: {', '.join(contract.primary_key) or 'none'}; "
            '<a href="lineage.html">lineage</a>'
        )
        columns = table(("Column", "Type", "Protection", "Meaning"), rows, f"Columns of {name}")
        parts.append(
            f'<section class="object" id="{name}"><h2>{name}</h2><p>{escape(contract.comment)}</p>'
            f'<p class="about">{about}</p>{columns}</section>'
        )
    others = [(each, "stream") for each in declared.sql.streams.values()]
    others += [(each, "task") for each in declared.sql.tasks.values()]
    others += [(each, "view") for name, each in declared.sql.views.items() if name not in declared.models.models]
    for each, kind in others:
        parts.append(
            f'<section class="object" id="{each.name}"><h2>{each.name}</h2><p>{escape(each.comment)}</p>'
            f'<p class="about">{kind}; reads {escape(", ".join(sorted(each.reads)))}</p></section>'
        )
    return "".join(parts)


def lineage(declared: Declarations) -> str:
    """Returns which model is computed from which, drawn from left to right."""
    models = declared.models.models
    depth: dict[str, int] = {}
    for name, model in models.items():
        depth[name] = 1 + max((depth.get(read, 0) for read in model.reads), default=-1)
    columns: dict[int, list[str]] = {}
    for name in models:
        columns.setdefault(depth[name], []).append(name)
    wide, high, gap_x, gap_y = 300, 34, 80, 18
    place = {
        name: (20 + column * (wide + gap_x), 20 + row * (high + gap_y))
        for column, names in columns.items()
        for row, name in enumerate(names)
    }
    lines = [
        _line(place[read], place[name], wide, high)
        for name, model in models.items()
        for read in model.reads
        if read in place
    ]
    boxes = [
        f'<a href="catalog.html#{name}"><rect x="{x}" y="{y}" width="{wide}" height="{high}" rx="6"/>'
        f'<text x="{x + 10}" y="{y + 22}">{name}</text></a>'
        for name, (x, y) in place.items()
    ]
    width = max(x for x, _ in place.values()) + wide + 20
    height = max(y for _, y in place.values()) + high + 20
    rows = [(f'<a href="catalog.html#{name}">{name}</a>', ", ".join(model.reads)) for name, model in models.items()]
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Lineage"><svg role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><title>Which model is computed from which</title>{"".join(lines)}{"".join(boxes)}'
        f"</svg></div>{table(('Model', 'Computed from'), rows, 'The same as a table')}"
    )


def _line(start: tuple[int, int], end: tuple[int, int], wide: int, high: int) -> str:
    (x1, y1), (x2, y2) = (start[0] + wide, start[1] + high // 2), (end[0], end[1] + high // 2)
    bend = (x2 - x1) // 2
    return f'<path d="M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'


def who_sees_what(truth: Mapping[str, Any]) -> str:
    """Returns the truth table: each object by role, and what its masked columns show to whom."""
    roles = truth["roles"]
    rows = []
    for name, about in truth["objects"].items():
        profile = truth["access"][about["access"]]
        cells = []
        for role in roles:
            rule = profile["rows"].get(role, "denied")
            writes = ", writes" if role in profile.get("write", ()) else ""
            cells.append(f'<span class="{rule}">{rule}{writes}</span>')
        masked = ", ".join(f"{column}: {mask}" for column, mask in about["columns"].items() if mask != "clear")
        rows.append((f'<a href="catalog.html#{name}">{name}</a>', *cells, escape(masked)))
    masks = [
        (mask, ", ".join(about["clear"]), "<br>".join(f"{escape(a)} → {escape(b)}" for a, b in about["shown"].items()))
        for mask, about in truth["masks"].items()
        if mask != "clear"
    ]
    return (
        "<p>all: every row; listed: the rows listed for the user; none: may ask and sees no row; open: reads it all.</p>"
        + table(("Object", *roles, "Masked columns"), rows, "Who sees what")
        + table(("Mask", "Clear for", "What others see"), masks, "Masks")
    )


def environments(stacks: Mapping[str, StackSettings]) -> str:
    """Returns the settings in which the stacks differ, then those in which they agree."""
    dumped = {name: found.platform.model_dump(mode="json", by_alias=True) for name, found in stacks.items()}
    for name, found in stacks.items():
        dumped[name]["account"] = found.account.account
        dumped[name]["users"] = [user.name for user in found.platform.users]
    keys = list(dict.fromkeys(key for values in dumped.values() for key in values))
    rows = {key: [_shown(dumped[name].get(key)) for name in stacks] for key in keys}
    differing = [(f"<code>{key}</code>", *cells) for key, cells in rows.items() if len(set(cells)) > 1]
    same = [(f"<code>{key}</code>", cells[0]) for key, cells in rows.items() if len(set(cells)) == 1]
    return table(("Setting", *stacks), differing, "Where the environments differ") + table(
        ("Setting", "Everywhere"), same, "Where they agree"
    )


def _shown(value: Any) -> str:
    return escape(", ".join(map(str, value)) if isinstance(value, list) else str(value)) or "none"


def settings() -> str:
    """Returns the reference of every key of a stack file."""
    sections = (("logistics:", PlatformSettings), ("a user's ", UserSettings), ("snowflake:", AccountSettings))
    return "".join(
        table(
            ("Key", "Allowed", "What it does"),
            (
                (
                    f"<code>{prefix}{field.alias or name}</code>",
                    escape(allowed_values(field)),
                    escape(field.description or ""),
                )
                for name, field in model.model_fields.items()
            ),
            f"Keys of {model.__name__.removesuffix('Settings').lower()}",
        )
        for prefix, model in sections
    )
