"""Snowflake's Model Registry: where an account has it, versions are published there beside the tables of the schema ML.

Not verified: no account with it was at hand.
"""

from __future__ import annotations

import importlib
from typing import Any

from logistics.errors import LogisticsError
from logistics.ml.core.errors import ModelError
from logistics.ml.core.lifecycle import Lifecycle
from logistics.ml.core.prediction import inputs_of
from logistics.ml.core.registry import Version
from logistics.ml.core.use_cases import use_case

_EXAMPLE_ROWS = 10
_COMMENT_CHARACTERS = 2000


class SnowflakeModelRegistry:
    """The Model Registry of the schema ML, by `snowflake-ml-python`, which must be installed."""

    def __init__(self, connection: Any, database: str) -> None:
        """Opens the registry.

        Args:
            connection: of the connector, as DATA_ENGINEER, who needs CREATE MODEL on the schema.
            database: of the platform.

        Raises:
            LogisticsError: snowflake-ml-python is not installed.
        """
        try:
            registry = importlib.import_module("snowflake.ml.registry")
            snowpark = importlib.import_module("snowflake.snowpark")
        except ImportError as error:
            raise LogisticsError(
                "Snowflake's Model Registry needs the package snowflake-ml-python, which is not part of `make analysis`, since it "
                f"wants an older connector: run this command in an environment that has it ({error})"
            ) from None
        session = snowpark.Session.builder.configs({"connection": connection}).create()
        self._registry = registry.Registry(session=session, database_name=database, schema_name="ML")

    def publish(self, life: Lifecycle, version: Version) -> str:
        """Logs a version as `USE_CASE` `V<number>`, with its metrics and its card, and makes it the default.

        Returns:
            The name by which it is found.

        Raises:
            ModelError: its view has no row, from which its signature is read.
        """
        case, name, number = use_case(version.use_case), version.use_case.upper(), f"V{version.version}"
        rows = life.warehouse.frame(f"select {', '.join(case.columns)} from {case.view} limit {_EXAMPLE_ROWS}")
        if rows.empty:
            raise ModelError(f"{case.name}: {case.view} has no row; a published version needs an example of its inputs")
        self._registry.log_model(
            life.registry.load(version),
            model_name=name,
            version_name=number,
            sample_input_data=inputs_of(case, rows),
            metrics={row["metric"]: row["value"] for row in life.registry.metrics(version) if row["kind"] == "holdout"},
            comment=version.model_card[:_COMMENT_CHARACTERS],
        )
        self._registry.get_model(name).default = number
        life.registry.note(case.name, version.version, "published", f"{name} {number} in Snowflake's Model Registry")
        return f"{name} {number}"

    def retire(self, life: Lifecycle, version: Version) -> str:
        """Deletes a published version; returns the name that it had."""
        name, number = version.use_case.upper(), f"V{version.version}"
        self._registry.get_model(name).delete_version(number)
        life.registry.note(
            version.use_case, version.version, "retired", f"{name} {number} in Snowflake's Model Registry"
        )
        return f"{name} {number}"
