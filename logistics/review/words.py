"""The sentences of a review, the same in its summary, its tables and its JSON."""

from __future__ import annotations

from logistics.review.sight import UNCOUNTED, SightChange


def counted_rows(count: int | None) -> str:
    """Returns a number of rows in words; None is nothing at all."""
    if count == UNCOUNTED:
        return "rows of the account's own past"
    return "nothing" if count is None else f"{count:,} row" + ("" if count == 1 else "s")


def sight_sentence(change: SightChange) -> str:
    """Returns what a change of sight means for its asker, in one sentence."""
    before, after = change.rows_before, change.rows_after
    parts = []
    if change.is_new:
        parts.append(f"may read the new {change.object} ({counted_rows(after)})")
    elif change.is_gone:
        parts.append(f"loses {change.object}, which is gone ({counted_rows(before)})")
    elif before is None:
        parts.append(f"may read {change.object} from now on ({counted_rows(after)})")
    elif after is None:
        parts.append(f"may not read {change.object} any more ({counted_rows(before)} before)")
    elif before != after:
        word = "gains" if after > before else "loses"
        parts.append(f"{word} {counted_rows(abs(after - before))} of {change.object} ({before:,} → {after:,})")
    elif change.other_rows:
        parts.append(f"sees {counted_rows(after)} of {change.object}, but others than before")
    if change.gained_clear:
        parts.append(f"gains clear {', '.join(change.gained_clear)} in {change.object} ({counted_rows(after)})")
    if change.lost_clear:
        parts.append(f"sees {', '.join(change.lost_clear)} of {change.object} masked from now on")
    return f"{change.asker} {' and '.join(parts)}"
