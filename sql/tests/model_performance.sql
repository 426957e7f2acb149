-- comment: The newest measure of each served model is as good as the reference it is held against
-- severity: warning
-- owner: data_science
-- what_to_do: "See logistics models show; train anew, or go back to the version before"
-- needs_rows: true
select
    use_case,
    version,
    metric,
    value,
    reference,
    measured_at
from ml.model_metrics
where kind in ('gate', 'live')
qualify
    row_number() over (partition by use_case, kind, metric order by measured_at desc, version desc) = 1
    and passed = false;
