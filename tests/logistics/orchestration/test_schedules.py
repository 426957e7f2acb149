"""Schedules, continuous runs, and what cron and systemd are given."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics.errors import Locked, LogisticsError, UsageError
from logistics.orchestration.continuous import Schedule, run_continuously
from logistics.orchestration.scheduler import Stop
from logistics.orchestration.units import KINDS, on_calendar, unit

START = datetime(2026, 3, 1, 12, 7, tzinfo=UTC)
ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("*/15 * * * *", "2026-03-01T12:15"),
        ("*/15 * * * * UTC", "2026-03-01T12:15"),
        ("0 6 * * * Europe/Berlin", "2026-03-02T05:00"),
        ("0 6 * * 7 America/New_York", "2026-03-08T10:00"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
    ],
)
def test_the_next_time_of_a_schedule(text, due):
    expected = datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert Schedule(text).after(START) == expected


@given(
    st.integers(946_684_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.integers(1, 59),
)
def test_the_next_time_is_later_and_of_the_schedule(now, minute):
    due = Schedule(f"{minute} * * * *").after(now)
    assert now < due <= now + timedelta(hours=1)
    assert due.minute == minute


@pytest.mark.parametrize(
    "text", ["", "tea", "* * * *", "61 * * * *", "* * * * * Mars/Olympus", "* * * * * *", "* * * * * ../etc"]
)
def test_what_is_no_schedule_is_refused(text):
    with pytest.raises(UsageError, match=r"schedule|time zone"):
        Schedule(text)


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self, stop, runs):
        self.now, self.stop, self.left, self.began = START, stop, runs, []

    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)
        return False

    def once(self, takes=timedelta(0), error=None):
        def run():
            self.began.append(self.now)
            self.now += takes
            self.left -= 1
            if not self.left:
                self.stop.ask()
            if error:
                raise error

        return run


@pytest.mark.parametrize(
    ("takes", "began"),
    [(0, [7, 15, 30, 45]), (20, [7, 30, 60, 90])],
    ids=["short runs", "times within a run are left out"],
)
def test_it_runs_at_once_and_then_on_the_schedule(takes, began):
    stop = Stop()
    clock = Clock(stop, len(began))
    run_continuously(
        Schedule("*/15 * * * *"),
        clock.once(timedelta(minutes=takes)),
        stop,
        lambda _: None,
        lambda: clock.now,
        clock.wait,
    )
    noon = START.replace(minute=0)
    assert clock.began == [noon + timedelta(minutes=minute) for minute in began]


@pytest.mark.parametrize("error", [Locked("held"), LogisticsError("broke")], ids=["locked", "failed"])
def test_a_run_that_fails_does_not_end_it(error):
    stop, said = Stop(), []
    clock = Clock(stop, 3)
    run_continuously(Schedule("0 * * * *"), clock.once(error=error), stop, said.append, lambda: clock.now, clock.wait)
    assert len(clock.began) == 3
    assert sum(str(error) in line for line in said) == 3


CALENDARS = [
    ("*/15 * * * * UTC", "*-*-* *:00/15:00 UTC"),
    ("0 */6 * * *", "*-*-* 00/6:00:00 UTC"),
    ("30 2 * * 1-5 Europe/Berlin", "Mon,Tue,Wed,Thu,Fri *-*-* 02:30:00 Europe/Berlin"),
    ("0 0 1,15 jan-mar *", "*-01..03-01,15 00:00:00 UTC"),
    ("5 4 */2 * *", "*-*-01/2 04:05:00 UTC"),
    ("0 9 * * 7", "Sun *-*-* 09:00:00 UTC"),
    ("0 9 * * fri-sun", "Fri,Sat,Sun *-*-* 09:00:00 UTC"),
    ("10-50/20 * * * */3", "Sun,Wed,Sat *-*-* *:10..50/20:00 UTC"),
]


@pytest.mark.parametrize(("cron", "calendar"), CALENDARS, ids=[cron for cron, _ in CALENDARS])
def test_a_schedule_in_the_words_of_systemd(cron, calendar):
    assert on_calendar(cron) == calendar


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("cron", [cron for cron, _ in CALENDARS])
def test_systemd_means_the_same_times(cron):
    asked = [
        str(ANALYZE),
        "calendar",
        "--iterations=3",
        f"--base-time={START:%Y-%m-%d %H:%M:%S} UTC",
        on_calendar(cron),
    ]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env={"TZ": "UTC", "LC_ALL": "C"})
    assert not done.returncode, done.stderr
    times = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?= UTC$)", done.stdout, re.MULTILINE)
    due, expected = START, []
    for _ in range(3):
        due = Schedule(cron).after(due)
        expected.append(f"{due:%Y-%m-%d %H:%M:%S}")
    assert list(dict.fromkeys(times)) == expected


@pytest.mark.parametrize("cron", ["0 0 1 * 1", "0 0 L * *", "0 0 * * 5#2"])
def test_what_systemd_cannot_say_is_refused(cron):
    with pytest.raises(UsageError, match="systemd"):
        on_calendar(cron)


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_is_filled_in(kind, tmp_path):
    text = unit(kind, tmp_path / "a 100%", "prod", "all", "0 */6 * * * UTC")
    assert "prod" in text
    assert "@" not in text.replace("crontab -e", "")
    assert "100%%" in text or "100\\%" in text or kind == "systemd-timer"


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(tmp_path):
    for kind, name in (
        ("service", "logistics-prod.service"),
        ("timer", "logistics-prod.timer"),
        ("continuous", "logistics-x.service"),
    ):
        (tmp_path / name).write_text(unit(f"systemd-{kind}", tmp_path, "prod", "all", "0 */6 * * * UTC"))
    names = [str(path) for path in sorted(tmp_path.iterdir())]
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    asked = [str(ANALYZE), "verify", "--user", *names]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env=home)
    complaints = [
        line for line in done.stderr.splitlines() if any(name in line for name in names) or "logistics-" in line
    ]
    assert complaints == []
