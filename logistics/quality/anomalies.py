"""Whether what was measured is as usual: one statement over the history of all measures.

The method, for each measure: of every 24 hours before the newest measurement the newest one is taken, so that times of the day are
compared with themselves. Of row counts the change over 24 hours is judged (a table may grow), of ages and shares the value. What is
usual is the median of the same weekday where there are three of them, else of all days. The spread is 1.4826 times the median of the
absolute distances from it (MAD), the standard deviation of normal values that a few outliers do not move; it is never taken as less
than a floor, since a constant history has none. A measure that is more than LIMIT spreads from the usual is an anomaly. With fewer
than MIN_DAYS days of history nothing is judged.
"""

from __future__ import annotations

from collections.abc import Sequence

from logistics.quality.checks import ANOMALY_SUFFIX, Check, Quality
from logistics.quality.statements import RESULT_COLUMNS, listed
from logistics.sql import literal

HISTORY_DAYS = 90
MIN_DAYS = 14
"""Days of history before a measure is judged."""
MIN_SAME_WEEKDAY = 3
LIMIT = 6.0
"""Spreads from the usual that are too many; see docs/quality.md for the rate of false alarms."""
_FLOORS = (
    "case kind when 'volume' then greatest(1, 0.001 * abs(median(value))) when 'freshness' then 0.25 else 0.005 end"
)
"""The least spread: a thousandth of the rows, a quarter of an hour, half a percent of the rows without a value."""


def judge(quality: Quality, checks: Sequence[Check], run_id: str, run_by: str) -> str:
    """Returns the statement that adds a result for each anomaly check whose measure this run has taken.

    Args:
        checks: of kind anomaly.
        run_id, run_by: as of `statements.measure`.
    """
    sources = listed(check.name.removesuffix(ANOMALY_SUFFIX) for check in checks)
    results = quality.full("monitoring.quality_results")
    return f"""insert into {results} ({RESULT_COLUMNS})
with taken as (
    select check_name, checked_at as newest_at
    from {results}
    where run_id = {run_id} and value is not null and check_name in ({sources})
),
aged as (
    select
        r.check_name, r.kind, r.value, r.checked_at, r.rows_checked, t.newest_at,
        floor(datediff('second', r.checked_at, t.newest_at) / 86400) as days_back
    from {results} as r
    inner join taken as t on t.check_name = r.check_name
    where r.value is not null and r.checked_at <= t.newest_at
        and r.checked_at >= dateadd('day', -{HISTORY_DAYS}, t.newest_at)
),
daily as (
    select * from aged
    qualify row_number() over (partition by check_name, days_back order by checked_at desc) = 1
),
earlier as (
    select
        *,
        lag(value) over (partition by check_name order by days_back desc) as value_before,
        lag(days_back) over (partition by check_name order by days_back desc) as days_back_before
    from daily
),
points as (
    select
        check_name, kind, value, days_back, rows_checked,
        dayofweekiso(dateadd('day', -days_back, newest_at)) as weekday,
        case when kind <> 'volume' then value when days_back_before = days_back + 1 then value - value_before end as x
    from earlier
),
past as (select * from points where days_back > 0 and x is not null),
of_weekday as (select check_name, weekday, median(x) as usual, count(*) as days from past group by check_name, weekday),
of_all as (
    select check_name, kind, median(x) as usual, count(*) as days, {_FLOORS} as least
    from past group by check_name, kind
),
spreads as (
    select
        p.check_name,
        1.4826 * median(abs(p.x - iff(w.days >= {MIN_SAME_WEEKDAY}, w.usual, o.usual))) as spread
    from past as p
    inner join of_weekday as w on w.check_name = p.check_name and w.weekday = p.weekday
    inner join of_all as o on o.check_name = p.check_name
    group by p.check_name
),
scored as (
    select
        n.check_name, n.rows_checked, n.x, coalesce(o.days, 0) as days,
        iff(coalesce(w.days, 0) >= {MIN_SAME_WEEKDAY}, w.usual, o.usual) as usual,
        abs(n.x - iff(coalesce(w.days, 0) >= {MIN_SAME_WEEKDAY}, w.usual, o.usual)) / greatest(s.spread, o.least) as score
    from points as n
    left join of_all as o on o.check_name = n.check_name
    left join of_weekday as w on w.check_name = n.check_name and w.weekday = n.weekday
    left join spreads as s on s.check_name = n.check_name
    where n.days_back = 0
)
select
    {run_id}, c.check_name, c.table_name, c.kind, c.severity,
    case when j.score is null or j.days < {MIN_DAYS} then 'no_data' when j.score > {LIMIT} then 'failed' else 'passed' end,
    case when j.score is null or j.days < {MIN_DAYS} then null when j.score > {LIMIT} then 1 else 0 end,
    j.rows_checked, j.score,
    case
        when j.score is null or j.days < {MIN_DAYS} then 'learning, ' || j.days || ' of {MIN_DAYS} days: ' || c.description
        else iff(j.score > {LIMIT}, 'not so: ', '') || c.description || '; measured ' || round(j.x, 4)::varchar
            || ', usual ' || round(j.usual, 4)::varchar || ', ' || round(j.score, 1)::varchar || ' spreads apart'
    end,
    {literal(run_by)}, sysdate()
from scored as j
inner join {quality.full("monitoring.quality_checks")} as c on c.check_name = j.check_name || {literal(ANOMALY_SUFFIX)}"""
