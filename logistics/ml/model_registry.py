"""Where versions are kept beside the tables of the schema ML: nowhere, or in Snowflake's own Model Registry.

The registry of this package is tables and a stage, which every account has. Where an account has Snowflake's Model Registry, a
promoted version can be published there too, by the same interface. Not verified: no account with it was at hand.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from logistics.errors import LogisticsError
from logistics.ml.core.registry import Version


class ModelStore(Protocol):
    """Where a promoted version is published."""

    def publish(self, version: Version, model: Any, example: Any, metrics: dict[str, float]) -> str:
        """Publishes a version; returns the name by which it is found there."""
        ...

    def retire(self, version: Version) -> None:
        """Takes a version back."""
        ...


class SnowflakeModelRegistry:
    """Snowflake's Model Registry in the schema ML, by `snowflake-ml-python`, which must be installed."""

    def __init__(self, session: Any, database: str) -> None:
        """Opens the registry.

        Args:
            session: a Snowpark session as DATA_ENGINEER, who needs CREATE MODEL on the schema.
            database: of the platform.

        Raises:
            LogisticsError: snowflake-ml-python is not installed.
        """
        try:
            module = importlib.import_module("snowflake.ml.registry")
        except ImportError:
            raise LogisticsError(
                "Snowflake's Model Registry needs the package snowflake-ml-python in the environment of Snowpark: install it there"
            ) from None
        self._registry = module.Registry(session=session, database_name=database, schema_name="ML")

    def publish(self, version: Version, model: Any, example: Any, metrics: dict[str, float]) -> str:
        """Logs a version as `USE_CASE` `V<number>`, with its metrics and its card as comment; see `ModelStore`."""
        name, number = version.use_case.upper(), f"V{version.version}"
        self._registry.log_model(
            model,
            model_name=name,
            version_name=number,
            sample_input_data=example,
            metrics=metrics,
            comment=version.model_card[:2000],
        )
        self._registry.get_model(name).default = number
        return f"{name} {number}"

    def retire(self, version: Version) -> None:
        """Deletes a version; see `ModelStore`."""
        self._registry.get_model(version.use_case.upper()).delete_version(f"V{version.version}")
