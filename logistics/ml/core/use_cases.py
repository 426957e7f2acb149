"""The models of the platform: what each predicts, of which rows, from which inputs, and what it has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .errors import ModelError

Kind = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, kw_only=True)
class UseCase:
    """One model, by the columns of its view; columns in lower case.

    Attributes:
        view: `schema.view`, one row for each moment of prediction.
        entity: the column that names a row.
        key: the column of the customer or vehicle, by which rows are protected and A/B tests split.
        target: the outcome; NULL while it is not known.
        numeric, categorical: the inputs, in order.
        group: the column whose groups are compared for fairness; never an input.
        baseline: what the model must beat: `prior` (the share of each class), `median`, `same:<column>` (the outcome is the
            column's value) or `rule:<column>>=<number>` (a yes where the column is so large).
        predictions: the table of its predictions.
    """

    name: str
    title: str
    kind: Kind
    view: str
    entity: str
    key: str
    target: str
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    baseline: str
    group: str | None = None
    predictions: str = "predictions"
    as_of: str = "as_of"
    label_known_at: str = "label_known_at"

    @property
    def inputs(self) -> tuple[str, ...]:
        """All inputs, categories first."""
        return (*self.categorical, *self.numeric)

    @property
    def metric(self) -> str:
        """The metric by which versions are compared; lower is better."""
        return "mae" if self.kind == "regression" else "brier"

    @property
    def columns(self) -> tuple[str, ...]:
        """Everything a training frame has; whatever else a view has is left in it."""
        group = (self.group,) if self.group else ()
        found = (self.entity, self.key, self.as_of, self.label_known_at, *group, self.target, *self.inputs)
        return tuple(dict.fromkeys(found))


_SHIPMENT_NUMBERS = (
    "quantity",
    "revenue",
    "promised_hours",
    "shipped_weekday",
    "shipped_hour",
    "customer_shipments_30d",
    "customer_revenue_30d",
    "customer_late_share_30d",
    "customer_delivery_hours_30d",
    "vehicle_shipments_30d",
    "vehicle_late_share_30d",
    "vehicle_delivery_hours_30d",
)
_SHIPMENT = {
    "view": "ml_features.vw_ml_shipment_features",
    "entity": "shipment_id",
    "key": "customer_id",
    "group": "customer_tier",
    "numeric": _SHIPMENT_NUMBERS,
    "categorical": ("ship_mode", "order_priority", "market_segment"),
}

USE_CASES: Mapping[str, UseCase] = {
    case.name: case
    for case in (
        UseCase(
            name="late_delivery",
            title="Whether a shipment will be late, told when it is shipped",
            kind="binary",
            target="is_late",
            baseline="prior",
            **_SHIPMENT,
        ),
        UseCase(
            name="delivery_time",
            title="Hours from shipping to delivery, told when it is shipped",
            kind="regression",
            target="delivery_time_hours",
            baseline="median",
            **_SHIPMENT,
        ),
        UseCase(
            name="behavior_segment",
            title="A customer's behaviour segment in the next 30 days",
            kind="multiclass",
            view="ml_features.vw_ml_customer_features",
            entity="moment_id",
            key="customer_id",
            target="next_segment",
            group="customer_tier",
            baseline="same:current_segment",
            categorical=("current_segment", "market_segment"),
            numeric=(
                "orders_7d",
                "orders_30d",
                "orders_90d",
                "spend_30d",
                "spend_90d",
                "days_since_last_order",
                "shipments_30d",
                "revenue_30d",
            ),
        ),
        UseCase(
            name="maintenance_risk",
            title="Whether a vehicle will have used 0.9 of its maintenance interval in 30 days",
            kind="binary",
            view="ml_features.vw_ml_vehicle_features",
            entity="moment_id",
            key="vehicle_id",
            target="is_due",
            baseline="rule:days_share>=0.9",
            predictions="vehicle_predictions",
            categorical=("vehicle_type",),
            numeric=(
                "fuel_efficiency_mpg",
                "last_maintenance_mileage",
                "interval_miles",
                "interval_days",
                "days_since_maintenance",
                "days_share",
                "shipments_30d",
                "quantity_30d",
            ),
        ),
    )
}
"""The use cases by name."""


def use_case(name: str) -> UseCase:
    """Returns a use case.

    Raises:
        ModelError: there is none of that name.
    """
    if name not in USE_CASES:
        raise ModelError(f"there is no model {name}: allowed: {', '.join(USE_CASES)}")
    return USE_CASES[name]
