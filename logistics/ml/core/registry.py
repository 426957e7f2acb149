"""The registry: versions with stages, metrics and events, in tables of the schema ML; every change of stages is one transaction."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from . import artifacts
from .errors import ModelError, PromotionConflict
from .gates import Gate
from .training import Measured
from .use_cases import UseCase
from .warehouse import STAGE, Warehouse, transaction

NOW = "sysdate()"
"""UTC."""

_VERSION_COLUMNS = (
    "use_case, version, stage, algorithm, seed, rows_trained, trained_from, trained_to, data_as_of, frame_sha256, code_version, "
    "packages, signature, artifact_path, artifact_sha256, artifact_bytes, model_card, trained_by, created_at, stage_changed_at"
)


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version as the registry has it; times are UTC without a zone."""

    use_case: str
    version: int
    stage: str
    algorithm: str
    seed: int
    rows_trained: int
    trained_from: Any
    trained_to: Any
    data_as_of: Any
    frame_sha256: str
    code_version: str
    packages: str
    signature: Mapping[str, Any]
    artifact_path: str
    artifact_sha256: str
    artifact_bytes: int
    model_card: str
    trained_by: str
    created_at: Any
    stage_changed_at: Any


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a new version is registered with."""

    case: UseCase
    artifact: bytes
    profile: Mapping[str, Any]
    signature: Mapping[str, Any]
    algorithm: str
    seed: int
    rows_trained: int
    trained_from: pd.Timestamp
    trained_to: pd.Timestamp
    data_as_of: str
    frame_sha256: str
    code_version: str
    packages: str
    model_card: str


class Registry:
    """The versions of all models, through a warehouse session that stands in the platform's database."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def versions(self, use_case: str | None = None) -> list[Version]:
        """Returns the versions of one model or of all, newest first."""
        where, binds = ("where use_case = ?", [use_case]) if use_case else ("", [])
        found = self._warehouse.rows(
            f"select {_VERSION_COLUMNS} from ml.model_versions {where} order by use_case, version desc", binds
        )
        return [
            Version(**{**row, "version": int(row["version"]), "signature": json.loads(row["signature"])})
            for row in found
        ]

    def version(self, use_case: str, version: int) -> Version:
        """Returns one version.

        Raises:
            ModelError: there is none of that number.
        """
        found = self.versions(use_case)
        named = [each for each in found if each.version == version]
        if not named:
            there = ", ".join(str(each.version) for each in reversed(found)) or "none"
            raise ModelError(f"{use_case} has no version {version}; there are: {there}")
        return named[0]

    def production(self, use_case: str) -> Version | None:
        """Returns the version that serves, or None."""
        return next((each for each in self.versions(use_case) if each.stage == "production"), None)

    def newest(self, use_case: str, stages: Sequence[str] = ("candidate", "staging")) -> Version:
        """Returns the newest version that waits to serve.

        Raises:
            ModelError: none waits.
        """
        waiting = [each for each in self.versions(use_case) if each.stage in stages]
        if not waiting:
            raise ModelError(f"{use_case} has no version that waits; train one: logistics models train {use_case}")
        return waiting[0]

    def load(self, version: Version) -> Any:
        """Returns a version's model, checked before it is read.

        Raises:
            UnsafeArtifact: it is not what was registered.
            ModelError: there is none.
        """
        return artifacts.load(artifacts.from_text(self._stored(version)["artifact"]), version.artifact_sha256)

    def profile(self, version: Version) -> dict[str, Any]:
        """Returns how the inputs were distributed when a version was trained."""
        return json.loads(self._stored(version)["profile"])

    def _stored(self, version: Version) -> dict[str, Any]:
        found = self._warehouse.rows(
            "select artifact, profile from ml.model_artifacts where use_case = ? and version = ?",
            [version.use_case, version.version],
        )
        if not found:
            raise ModelError(f"{version.use_case} {version.version} has no stored model; train it again")
        return found[0]

    def register(self, new: Registration) -> Version:
        """Stores an artifact and adds its version as a candidate, in one transaction.

        Two that register at once get two numbers: both lock the model's versions first, and the first version ever is checked after.
        """
        name = new.case.name
        with transaction(self._warehouse):
            self._lock(name)
            [row] = self._warehouse.rows(
                "select coalesce(max(version), 0) + 1 as version from ml.model_versions where use_case = ?", [name]
            )
            number = int(row["version"])
            digest = artifacts.sha256(new.artifact)
            path = f"{STAGE}/{name}/{number}-{digest[:12]}.skops"
            self._warehouse.put(new.artifact, path)
            self._warehouse.rows(
                f"insert into ml.model_versions ({_VERSION_COLUMNS}) "
                f"select ?, ?, 'candidate', ?, ?, ?, ?::timestamp_ntz, ?::timestamp_ntz, ?::timestamp_ntz, ?, ?, ?, ?, ?, ?, ?, ?, "
                f"current_user(), {NOW}, {NOW}",
                [
                    name, number, new.algorithm, new.seed, new.rows_trained, str(new.trained_from), str(new.trained_to),
                    new.data_as_of, new.frame_sha256, new.code_version, new.packages, json.dumps(new.signature), path, digest,
                    len(new.artifact), new.model_card,
                ],
            )  # fmt: skip
            self._warehouse.rows(
                "insert into ml.model_artifacts (use_case, version, artifact, profile) select ?, ?, ?, ?",
                [name, number, artifacts.to_text(new.artifact), json.dumps(new.profile)],
            )
            self.note(name, number, "registered", f"trained on {new.rows_trained:,} rows up to {new.trained_to}")
        return self.version(name, number)

    def _lock(self, use_case: str) -> None:
        """Waits for whoever changes this model's versions, and lets nobody else until the transaction ends."""
        self._warehouse.rows("update ml.model_versions set stage = stage where use_case = ?", [use_case])

    def add_metrics(self, version: Version, kind: str, measured: Measured) -> None:
        """Stores metrics of a version with the baseline's."""
        rows = [
            (name, value, measured.baseline.get(name), None, f"{measured.rows:,} rows")
            for name, value in measured.model.items()
        ]
        self._add(version, kind, rows)

    def add_gates(self, version: Version, gates: Sequence[Gate]) -> None:
        """Stores what the gates said of a version."""
        self._add(version, "gate", [(gate.name, gate.value, gate.limit, gate.passed, gate.detail) for gate in gates])

    def _add(self, version: Version, kind: str, rows: Sequence[tuple[str, Any, Any, bool | None, str]]) -> None:
        if not rows:
            return
        columns = "use_case, version, kind, metric, value, reference, passed, detail, measured_at"
        selects = " union all ".join(f"select ?, ?, ?, ?, ?::float, ?::float, ?::boolean, ?, {NOW}" for _ in rows)
        binds = [bind for row in rows for bind in (version.use_case, version.version, kind, *row)]
        self._warehouse.rows(f"insert into ml.model_metrics ({columns}) {selects}", binds)

    def metrics(self, version: Version) -> list[dict[str, Any]]:
        """Returns the metrics of a version, the newest of each kind and name."""
        return self._warehouse.rows(
            "select kind, metric, value, reference, passed, detail, measured_at from ml.model_metrics "
            "where use_case = ? and version = ? "
            "qualify row_number() over (partition by kind, metric order by measured_at desc) = 1 order by kind, metric",
            [version.use_case, version.version],
        )

    def note(self, use_case: str, version: int | None, event: str, detail: str, severity: str = "info") -> None:
        """Adds an event."""
        self._warehouse.rows(
            "insert into ml.model_events (event_id, use_case, version, event, severity, detail, happened_by, happened_at) "
            f"select ?, ?, ?::number, ?, ?, ?, current_user(), {NOW}",
            [uuid.uuid4().hex, use_case, version, event, severity, detail[:4000]],
        )

    def events(self, use_case: str, limit: int = 20) -> list[dict[str, Any]]:
        """Returns a model's events, newest first."""
        return self._warehouse.rows(
            "select version, event, severity, detail, happened_by, happened_at from ml.model_events where use_case = ? "
            f"order by happened_at desc limit {int(limit)}",
            [use_case],
        )

    def to_staging(self, version: Version) -> None:
        """Marks a version as one that passed its gates."""
        with transaction(self._warehouse):
            self._lock(version.use_case)
            if self.version(version.use_case, version.version).stage == "candidate":
                self._set_stage(version.use_case, version.version, "staging")
                self.note(version.use_case, version.version, "staged", "passed its gates")

    def promote(self, version: Version, expected: int | None, event: str = "promoted", reason: str = "") -> None:
        """Makes a version serve and archives the one that served, in one transaction.

        Args:
            version: the version.
            expected: the version that was seen to serve when the decision was made, None for none.
            event: promoted or rolled_back.
            reason: kept with the event.

        Raises:
            PromotionConflict: another version serves by now; nothing was changed.
        """
        name = version.use_case
        with transaction(self._warehouse):
            self._lock(name)
            serving = self.production(name)
            found = serving.version if serving else None
            if found != expected:
                raise PromotionConflict(
                    f"{name}: version {found} serves by now, not {expected}; somebody else promoted it: look at it and try again"
                )
            if found == version.version:
                return
            if serving:
                self._set_stage(name, serving.version, "archived")
                self.note(name, serving.version, "archived", f"replaced by {version.version}")
            self._set_stage(name, version.version, "production")
            self.note(name, version.version, event, reason or f"in place of {found if found else 'none'}")

    def _set_stage(self, use_case: str, version: int, stage: str) -> None:
        self._warehouse.rows(
            f"update ml.model_versions set stage = ?, stage_changed_at = {NOW} where use_case = ? and version = ?",
            [stage, use_case, version],
        )

    def before_production(self, use_case: str) -> Version:
        """Returns the version that served before the one that serves.

        Raises:
            ModelError: there is none.
        """
        found = self._warehouse.rows(
            "select version, event from ml.model_events where use_case = ? and event in ('promoted', 'rolled_back') "
            "order by happened_at",
            [use_case],
        )
        if (before := served_before([(row["event"], int(row["version"])) for row in found])) is None:
            raise ModelError(f"{use_case}: no version served before; there is nothing to go back to")
        return self.version(use_case, before)


def served_before(events: Sequence[tuple[str, int]]) -> int | None:
    """Returns the version that served before the one that the last event made serve; None if there is none.

    A rollback takes back what was promoted since: the version that was left is not one to go back to.

    Args:
        events: promoted or rolled_back and the version that served from then on, oldest first.
    """
    served: list[int] = []
    for event, version in events:
        if event == "rolled_back" and version in served:
            served = served[: served.index(version)]
        served.append(version)
    return served[-2] if len(served) > 1 else None
