"""The platform's own table is sound, and a table that is not is refused with its place."""

from __future__ import annotations

import pytest

from logistics.errors import FileError, UsageError
from logistics.orchestration.jobs import load_jobs, with_limits


def test_every_action_of_the_platform_has_its_jobs_after_what_they_need():
    table = load_jobs()
    assert {"health_check", "quality", "optimize", "ml", "deploy_check", "report", "all"} == set(table.actions)
    for action in table.actions:
        names = [job.name for job in table.of_action(action)]
        assert all(names.index(need) < names.index(job.name) for job in table.of_action(action) for need in job.needs)
    assert {job.name for job in table.of_action("all")} == {job.name for job in table.jobs}


def test_a_command_runs_this_very_program_for_the_environment():
    job = next(job for job in load_jobs().jobs if job.name == "quality")
    words = job.arguments("prod")
    assert words[0].endswith("logistics")
    assert "prod" in words
    assert "{environment}" not in " ".join(words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"needs": ["b"]}, "jobs need each other in a circle: a needs b needs a"),
        ({"name": "b"}, "job b is declared twice"),
        ({"needs": ["nobody"]}, "job a needs nobody, which is no job of the table"),
        ({"colour": "red"}, "jobs.0.colour: Extra inputs are not permitted"),
        ({"timeout_seconds": 0}, "jobs.0.timeout_seconds"),
        ({"retries": -1}, "jobs.0.retries"),
        ({"command": []}, "jobs.0.command"),
        ({"name": "Big Name"}, "jobs.0.name"),
        ({"reads": "tea leaves"}, "jobs.0.reads"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_an_impossible_table_is_refused(table, job, change, words):
    file = table({**job("a"), **change}, job("b", needs=["a"] if change.get("needs") == ["b"] else []))
    with pytest.raises(FileError, match=r"jobs\.yaml") as refused:
        load_jobs(file)
    assert words in str(refused.value)


def test_a_table_that_is_not_there_or_no_yaml(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        load_jobs(tmp_path / "nothing.yaml")
    (tmp_path / "bad.yaml").write_text("jobs: [")
    with pytest.raises(FileError, match="not valid YAML"):
        load_jobs(tmp_path / "bad.yaml")


def test_an_unknown_action_names_those_there_are(jobs_of, job):
    with pytest.raises(UsageError, match="there is no action tea: allowed: all"):
        jobs_of(job("a")).of_action("tea")


def test_limits_of_the_command_replace_the_tables(jobs_of, job):
    jobs = jobs_of(job("a", timeout_seconds=5, retries=1)).of_action("all")
    assert with_limits(jobs, None, None) == jobs
    assert [(each.timeout_seconds, each.retries) for each in with_limits(jobs, 2.5, 4)] == [(2.5, 4)]
