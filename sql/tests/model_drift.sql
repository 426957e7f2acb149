-- comment: No input and no error of a served model has drifted at the newest look
-- severity: warning
-- owner: data_science
-- what_to_do: "See logistics models drift; train anew where the drift is real"
-- needs_rows: true
select
    use_case,
    version,
    kind,
    feature,
    statistic,
    value,
    threshold,
    checked_at
from ml.drift_results
qualify
    row_number() over (partition by use_case, kind, feature, statistic order by checked_at desc, version desc) = 1
    and is_drifted;
