"""The pages, in the order of the menu."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from board.answers import Asked
from board.pages import cost, deployments, lineage, models, overview, performance, quality, security


@dataclass(frozen=True)
class Page:
    """A page of the menu: its address, title, icon, and what draws its body."""

    path: str
    title: str
    icon: str
    body: Callable[[Asked], None]


PAGES = (
    Page("overview", "Overview", ":material/monitoring:", overview.body),
    Page("quality", "Quality", ":material/fact_check:", quality.body),
    Page("performance", "Performance", ":material/speed:", performance.body),
    Page("cost", "Cost", ":material/payments:", cost.body),
    Page("models", "ML", ":material/model_training:", models.body),
    Page("deployments", "Deployments", ":material/rocket_launch:", deployments.body),
    Page("security", "Security", ":material/shield_person:", security.body),
    Page("lineage", "Lineage", ":material/account_tree:", lineage.body),
)
