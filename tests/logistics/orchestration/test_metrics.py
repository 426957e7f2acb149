"""Numbers of runs for Prometheus and OpenTelemetry."""

from __future__ import annotations

import socket
import urllib.request

import pytest
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from prometheus_client.parser import text_string_to_metric_families

from logistics.errors import LogisticsError, UsageError
from logistics.orchestration.metrics import HOST, OpenTelemetry, Prometheus, open_meters, worst_of_checks

REPORT = {
    "environment": "dev",
    "action": "all",
    "result": "failed",
    "summary": {"ok": 1, "unknown": 0, "warning": 1, "critical": 0},
    "jobs": [
        {
            "job": "quality",
            "state": "succeeded",
            "attempts": 2,
            "seconds": 1.5,
            "findings": [{"check": "tasks", "status": "warning"}, {"check": "tasks", "status": "ok"}],
        },
        {"job": "drift", "state": "timed_out", "attempts": 1, "seconds": 9.0, "findings": []},
    ],
}


class Kept(MetricExporter):
    """Keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.points = {}

    def export(self, metrics_data, **_):
        for resource in metrics_data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self.points[metric.name] = list(metric.data.data_points)
        return MetricExportResult.SUCCESS

    def force_flush(self, **_):
        return True

    def shutdown(self, **_):
        return None


def test_the_page_of_prometheus_says_what_the_last_runs_came_to():
    meter = Prometheus(0)
    try:
        meter.observe(REPORT)
        meter.observe(REPORT)
        page = urllib.request.urlopen(f"http://{HOST}:{meter.port}/metrics").read().decode()
    finally:
        meter.close()
    found = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    for name, labels, value in (
        ("logistics_runs_total", {"environment": "dev", "action": "all", "result": "failed"}, 2),
        ("logistics_jobs_total", {"environment": "dev", "job": "drift", "state": "timed_out"}, 2),
        ("logistics_job_attempts_total", {"environment": "dev", "job": "quality"}, 4),
        ("logistics_job_seconds", {"environment": "dev", "job": "drift"}, 9),
        ("logistics_check_status", {"environment": "dev", "check": "tasks", "status": "warning"}, 1),
        ("logistics_check_status", {"environment": "dev", "check": "tasks", "status": "ok"}, 0),
    ):
        assert found[name, frozenset(labels.items())] == value


def test_a_port_that_is_taken_is_one_error():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(LogisticsError, match="cannot be opened for metrics"):
            Prometheus(taken.getsockname()[1])


def test_open_telemetry_is_given_the_same_numbers():
    kept = Kept()
    meter = OpenTelemetry(kept)
    meter.observe(REPORT)
    meter.close()
    assert kept.points["logistics.runs"][0].value == 1
    assert {point.attributes["state"]: point.value for point in kept.points["logistics.jobs"]} == {
        "succeeded": 1,
        "timed_out": 1,
    }
    assert sum(point.sum for point in kept.points["logistics.job.duration"]) == 10.5
    assert {point.attributes["status"]: point.value for point in kept.points["logistics.findings"]}["warning"] == 1


def test_nothing_is_sent_unless_it_is_asked_for():
    assert open_meters(None, {}) == []
    with pytest.raises(UsageError, match="an address such as"):
        open_meters(None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector"})


def test_the_worst_of_a_check_counts():
    assert worst_of_checks(REPORT) == {"tasks": "warning"}
