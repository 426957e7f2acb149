"""Writes the site: plain files that need no server and ask no network."""

from __future__ import annotations

from html import escape
from pathlib import Path

from logistics.declarations import load_declarations
from logistics.documentation import pages
from logistics.settings import load_stack, stacks
from logistics.yaml_files import load_yaml, plain

TRUTH_TABLE = Path("docs/who_sees_what.yaml")

_TITLES = {
    "index": "Environments",
    "catalog": "Catalog",
    "lineage": "Lineage",
    "who-sees-what": "Who sees what",
    "settings": "Settings",
}
_STYLE = """
:root{color-scheme:light dark;--ink:#1b2330;--paper:#fff;--line:#cdd5df;--mark:#0b5cad;--soft:#f2f5f9}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--paper:#141a22;--line:#3a4656;--mark:#7cb8ff;--soft:#1e2732}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1200px;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);
background:var(--paper);overflow-wrap:anywhere}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;padding:0}a{color:var(--mark)}
a[aria-current]{font-weight:700;text-decoration:none}:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
.scroll{overflow-x:auto;margin:0 0 1.5rem}table{border-collapse:collapse;min-width:100%}
caption{text-align:left;font-weight:600;padding:.25rem 0}td,th{border-bottom:1px solid var(--line);padding:.35rem .6rem;
text-align:left;vertical-align:top;overflow-wrap:normal}th{background:var(--soft)}.about{font-size:.9rem}
.tag{border:1px solid var(--mark);border-radius:4px;padding:0 .3rem}.denied{opacity:.65}.all,.open{font-weight:600}
input{font:inherit;padding:.4rem;max-width:100%}svg path{fill:none;stroke:var(--line);stroke-width:1.5}
svg rect{fill:var(--soft);stroke:var(--mark)}svg text{font-size:13px;fill:var(--ink)}[hidden]{display:none}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem}
"""
_SCRIPT = """
const field=document.getElementById("filter");
if(field){const all=[...document.querySelectorAll(".object")],found=document.getElementById("found");
const apply=()=>{const want=field.value.trim().toLowerCase();let n=0;
for(const each of all){each.hidden=!each.textContent.toLowerCase().includes(want);n+=!each.hidden}
found.textContent=n+" of "+all.length;};field.addEventListener("input",apply);
field.value=new URLSearchParams(location.search).get("q")||"";apply();}
"""


def build(root: Path, target: Path) -> list[Path]:
    """Writes the site of the project under `root` to `target`; returns its pages.

    Raises:
        ContractError, SqlFileError, SettingsError: a file of the project is wrong.
    """
    found = {name: load_stack(root, name) for name in ("dev", "staging", "prod") if name in stacks(root)}
    declared = load_declarations(root, next(iter(found.values())))
    bodies = {
        "index": pages.environments(found),
        "catalog": pages.catalog(declared),
        "lineage": pages.lineage(declared),
        "who-sees-what": pages.who_sees_what(plain(load_yaml(root / TRUTH_TABLE, root=root))),
        "settings": pages.settings(),
    }
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name, body in bodies.items():
        path = target / f"{name}.html"
        path.write_text(_page(name, body), encoding="utf-8")
        written.append(path)
    return written


def _page(name: str, body: str) -> str:
    links = "".join(
        f'<li><a href="{each}.html"{" aria-current=page" if each == name else ""}>{title}</a></li>'
        for each, title in _TITLES.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="data:,"><title>{escape(_TITLES[name])} · Logistics platform</title><style>{_STYLE}</style></head>'
        f'<body><a class="skip" href="#main">To the content</a><nav aria-label="Pages"><ul>{links}</ul></nav>'
        f'<main id="main"><h1>{escape(_TITLES[name])}</h1>{body}</main><script>{_SCRIPT}</script></body></html>\n'
    )
