"""Metrics of runs: by OpenTelemetry where an address is set, and as a page of Prometheus text on loopback where a port is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol

from logistics.errors import LogisticsError, UsageError
from logistics.orchestration.findings import STATUSES

HOST = "127.0.0.1"
ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SERVICE = "logistics-orchestrator"
_EXPORT_MILLISECONDS = 15_000


class Meter(Protocol):
    """Takes the report of each run that ended."""

    def observe(self, report: Mapping[str, Any]) -> None:
        """Adds a run."""
        ...

    def close(self) -> None:
        """Sends what is not sent yet."""
        ...


class Prometheus:
    """A page of text at http://127.0.0.1:PORT/metrics; `port` 0 takes a free one, which `port` then says."""

    def __init__(self, port: int) -> None:
        """Opens the port.

        Raises:
            LogisticsError: the package is not installed, or the port is taken.
        """
        try:
            import prometheus_client as prometheus
        except ImportError:
            raise LogisticsError("--metrics-port needs the package prometheus-client: make analysis") from None
        registry = prometheus.CollectorRegistry()
        names = ("environment", "action")
        self._runs = prometheus.Counter("logistics_runs", "Runs that ended", [*names, "result"], registry=registry)
        self._jobs = prometheus.Counter(
            "logistics_jobs", "Jobs that ended", ["environment", "job", "state"], registry=registry
        )
        self._attempts = prometheus.Counter(
            "logistics_job_attempts", "Starts of jobs", ["environment", "job"], registry=registry
        )
        self._seconds = prometheus.Gauge(
            "logistics_job_seconds", "Duration of the last run", ["environment", "job"], registry=registry
        )
        self._ended = prometheus.Gauge(
            "logistics_run_end_time_seconds", "End of the last run, Unix time", [*names], registry=registry
        )
        self._status = prometheus.Gauge(
            "logistics_check_status",
            "1 for the worst status of a check in the last run",
            ["environment", "check", "status"],
            registry=registry,
        )
        try:
            self._server, self._thread = prometheus.start_http_server(port, HOST, registry)
        except OSError as error:
            raise LogisticsError(f"port {port} on {HOST} cannot be opened for metrics: {error.strerror}") from None
        self.port = int(self._server.server_port)

    def observe(self, report: Mapping[str, Any]) -> None:
        """Adds a run."""
        where = report["environment"]
        self._runs.labels(where, report["action"], report["result"]).inc()
        self._ended.labels(where, report["action"]).set_to_current_time()
        for job in report["jobs"]:
            self._jobs.labels(where, job["job"], job["state"]).inc()
            self._attempts.labels(where, job["job"]).inc(job["attempts"])
            self._seconds.labels(where, job["job"]).set(job["seconds"])
        for check, worst in worst_of_checks(report).items():
            for status in STATUSES:
                self._status.labels(where, check, status).set(status == worst)

    def close(self) -> None:
        """Closes the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class OpenTelemetry:
    """The same numbers to a collector, by OTLP over gRPC; `exporter` is what else takes them."""

    def __init__(self, exporter: Any = None) -> None:
        """Opens the way to the collector; nothing is sent before the first run ends."""
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource

        if exporter is None:
            from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

            exporter = OTLPMetricExporter()
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=_EXPORT_MILLISECONDS)
        self._provider = MeterProvider([reader], Resource.create({"service.name": _SERVICE}))
        meter = self._provider.get_meter(_SERVICE)
        self._runs = meter.create_counter("logistics.runs", "{run}", "Runs that ended")
        self._jobs = meter.create_counter("logistics.jobs", "{job}", "Jobs that ended")
        self._attempts = meter.create_counter("logistics.job.attempts", "{attempt}", "Starts of jobs")
        self._seconds = meter.create_histogram("logistics.job.duration", "s", "Duration of jobs")
        self._findings = meter.create_gauge("logistics.findings", "{finding}", "Findings of the last run by status")

    def observe(self, report: Mapping[str, Any]) -> None:
        """Adds a run."""
        where = {"environment": report["environment"], "action": report["action"]}
        self._runs.add(1, where | {"result": report["result"]})
        for job in report["jobs"]:
            about = where | {"job": job["job"]}
            self._jobs.add(1, about | {"state": job["state"]})
            self._attempts.add(job["attempts"], about)
            self._seconds.record(job["seconds"], about)
        for status, count in report["summary"].items():
            self._findings.set(count, where | {"status": status})

    def close(self) -> None:
        """Sends what is not sent yet; a collector that does not answer delays the end by seconds at most."""
        self._provider.shutdown(timeout_millis=5_000)


def worst_of_checks(report: Mapping[str, Any]) -> dict[str, str]:
    """Returns the worst status of each check of a report."""
    found: dict[str, str] = {}
    for job in report["jobs"]:
        for finding in job["findings"]:
            known = found.get(finding["check"], STATUSES[0])
            found[finding["check"]] = max(known, finding["status"], key=STATUSES.index)
    return found


def open_meters(port: int | None, variables: Mapping[str, str] = os.environ) -> list[Meter]:
    """Returns the meters that are asked for.

    Args:
        port: of the Prometheus page; None for none, 0 for a free one.
        variables: OTEL_EXPORTER_OTLP_ENDPOINT asks for OpenTelemetry.

    Raises:
        LogisticsError: the port cannot be opened, or a package is missing.
        UsageError: the address is none.
    """
    meters: list[Meter] = [] if port is None else [Prometheus(port)]
    endpoint = next((variables[name] for name in ENDPOINT_VARIABLES if variables.get(name)), None)
    if endpoint is None:
        return meters
    if "://" not in endpoint:
        raise UsageError(f"{ENDPOINT_VARIABLES[1]} is {endpoint!r}: an address such as http://127.0.0.1:4317 is needed")
    return [*meters, OpenTelemetry()]
