"""Lineage: where each table's rows come from and what reads them, with what the account says about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from board.answers import Asked
from board.shown import table, usable

_ALL = "everything"


def body(asked: Asked) -> None:
    """Draws the page."""
    nodes = {node["name"]: node for node in asked.declared["nodes"]}
    chosen = st.selectbox("Table or view", [_ALL, *sorted(nodes)], key="lineage of")
    joined = {name for name in nodes if above(nodes, [name]) or below(nodes, [name])}
    shown = joined if chosen == _ALL else {chosen, *above(nodes, [chosen]), *below(nodes, [chosen])}
    st.graphviz_chart(graph(nodes, shown, chosen, dark=st.context.theme.type == "dark"), width="stretch")
    if chosen != _ALL:
        _about(nodes, chosen)
    answer = asked.ask("tables")
    frame = pd.DataFrame(
        [
            {
                "name": name,
                "kept": nodes[name]["kept"],
                "reads": ", ".join(nodes[name]["reads"]),
                "rows": nodes[name]["protected_by"],
            }
            for name in sorted(nodes if chosen == _ALL else shown)
        ]
    ).rename(columns={"rows": "protected_by"})
    if usable(answer, "No table is to be seen."):
        seen = answer.frame.assign(name=answer.frame["layer"] + "." + answer.frame["name"])
        frame = frame.merge(seen[["name", "row_count", "last_altered"]], on="name", how="left")
    table(frame, "lineage")


def _about(nodes: Mapping[str, Any], name: str) -> None:
    node = nodes[name]
    st.markdown(f"**{name}** ({node['kept']}): {node['comment'] or 'no comment'}")
    st.write(f"Comes from {_listed(above(nodes, [name]))}. Feeds {_listed(below(nodes, [name]))}.")
    columns = pd.DataFrame(node["columns"])
    if not columns.empty:
        with st.expander("Columns"):
            table(columns, "columns")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def above(nodes: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """Returns everything that some nodes come from."""
    return _reached(names, lambda name: nodes[name]["reads"] if name in nodes else [])


def below(nodes: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """Returns everything that comes from some nodes."""
    return _reached(names, lambda name: [other for other, node in nodes.items() if name in node["reads"]])


def _reached(names: Iterable[str], step: Any) -> set[str]:
    start, found = list(names), set()
    pending = list(start)
    while pending:
        new = set(step(pending.pop())) - found
        found |= new
        pending += new
    return found - set(start)


def graph(nodes: Mapping[str, Any], shown: set[str], chosen: str, *, dark: bool) -> str:
    """Returns the graph in Graphviz's language: layers in their own boxes, the chosen one in bold."""
    ink, line, paper, mark = (
        ("#e8edf3", "#8a97a8", "#1e2732", "#7cb8ff") if dark else ("#1b2330", "#6b7889", "#f2f5f9", "#0b5cad")
    )
    font = f'fontcolor="{ink}", fontname="sans-serif"'
    box = f'shape=box, style="rounded,filled", fillcolor="{paper}", color="{line}", fontsize=11, height=0.3'
    lines = [
        "digraph lineage {",
        f'graph [rankdir=LR, bgcolor="transparent", nodesep=0.15, ranksep=0.6, {font}];',
        f"node [{box}, {font}];",
        f'edge [color="{line}", arrowsize=0.6];',
    ]
    for layer in sorted({name.split(".")[0] for name in shown}):
        lines.append(f'subgraph "cluster_{layer}" {{ label="{layer}"; color="{line}"; style="rounded"; fontsize=12;')
        for name in sorted(each for each in shown if each.split(".")[0] == layer):
            extra = f', color="{mark}", penwidth=2.5' if name == chosen else ""
            lines.append(f'"{name}" [label="{name.split(".", 1)[1]}"{extra}];')
        lines.append("}")
    lines += [
        f'"{read}" -> "{name}";'
        for name in sorted(shown)
        for read in nodes.get(name, {"reads": []})["reads"]
        if read in shown
    ]
    return "\n".join([*lines, "}"])
