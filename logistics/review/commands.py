"""`logistics review`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click

from logistics.errors import UsageError
from logistics.project import project_root

NEEDS_APPROVAL = 5
"""The exit code of a review that found something without an approval."""


@click.command()
@click.option(
    "--base",
    default="main",
    show_default=True,
    metavar="REF",
    help="What the change is compared with: a commit, branch or tag.",
)
@click.option("--environment", "-e", "environment", default="all", show_default=True, help="dev, staging, prod or all.")
@click.option("--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file instead of the terminal."
)
@click.option("--allow-dirty", is_flag=True, help="Review the files as they are, with what no commit holds.")
@click.option(
    "--patch", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Review what this patch would change."
)
@click.option(
    "--approve", "approvals", multiple=True, metavar="NAME", help="Approve a finding by its name; may be repeated."
)
@click.option(
    "--usage",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON of measured hours a day by warehouse.",
)
@click.option(
    "--scale",
    type=click.FloatRange(0, 10, min_open=True),
    default=0.01,
    show_default=True,
    help="TPC-H scale factor of the data.",
)
@click.option("--preview-only", is_flag=True, help="Only plan: no data, no who sees what, no rollback.")
@click.option("--examples", is_flag=True, help="Write the pages of docs/reviews from the example changes.")
def review(
    base: str,
    environment: str,
    form: str,
    output: Path | None,
    allow_dirty: bool,
    patch: Path | None,
    approvals: tuple[str, ...],
    usage: Path | None,
    scale: float,
    preview_only: bool,
    examples: bool,
) -> None:
    """Says what a change does to objects, data, people and money, on local accounts alone: no credentials are needed.

    Exits with 0 if nothing needs an approval, with 5 if something does and has none.

    \b
    logistics review --base origin/main --output review.md
    logistics review --base HEAD~1 --environment dev --format json
    logistics review --base main --approve tbl_old_orders
    """
    from logistics.review.examples import write_examples
    from logistics.review.markdown import as_markdown
    from logistics.review.report import Request, review
    from logistics.review.spend import read_usage
    from logistics.review.structured import as_json

    root = project_root()
    if examples:
        write_examples(root, lambda line: click.echo(line, err=True))
        return
    if patch and (allow_dirty or base != "main"):
        raise UsageError("--patch is reviewed on the commit of HEAD: leave --base and --allow-dirty out")
    request = Request(
        root=root,
        base="HEAD" if patch else base,
        environment=environment,
        allow_dirty=allow_dirty,
        patch=patch,
        scale=Decimal(str(scale)),
        approvals=approvals,
        usage=read_usage(usage),
        with_data=not preview_only,
    )
    found = review(request, lambda line: click.echo(line, err=True))
    text = as_json(found) if form == "json" else as_markdown(found)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)
    if found.needs_approval:
        raise SystemExit(NEEDS_APPROVAL)


COMMANDS = (review,)
