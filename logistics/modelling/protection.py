"""Who may see a model's rows follows from what they are computed from."""

from __future__ import annotations

from collections.abc import Iterator

from logistics.contracts import POLICY_COLUMNS, Column
from logistics.errors import ContractError
from logistics.modelling.graph import ColumnRef, Model, ModelColumn, Models

_COLUMN_OF = {policy: column for column, policy in POLICY_COLUMNS.items()}


def check_protection(models: Models) -> None:
    """Refuses a model that would show what the tables it reads hide.

    - A view over protected rows or masked columns is a secure view.
    - A table with a column that comes from a customer's or vehicle's key carries the policy of that key, on a column that comes
      from it (customers first); one that reads protected rows without their key says why it is unprotected.
    - A column that comes from personal data is masked, or says why it no longer is personal data.

    Raises:
        ContractError: names the file, the model, and where its rows or columns come from.
    """
    for model in models.models.values():
        if model.contract.is_view:
            _check_view(model, models)
        else:
            _check_rows(model, models)
            for column in model.columns:
                _check_mask(model, column, models)


def _check_view(model: Model, models: Models) -> None:
    hiding = [name for name in models.base_tables(model.name) if name in models.tables and _hides(models, name)]
    if hiding and model.contract.materialization != "secure_view":
        raise ContractError(
            model.contract_file,
            None,
            f"{model.name} shows rows of {hiding[0]}, which is protected: make it a secure_view",
        )


def _hides(models: Models, name: str) -> bool:
    contract = models.tables[name]
    return bool(contract.row_access_policy) or any(column.masking_policy for column in contract.columns)


def _check_rows(model: Model, models: Models) -> None:
    contract = model.contract
    protected = {
        name: policy for name in models.base_tables(model.name) if (policy := models.tables[name].row_access_policy)
    }
    if not protected or contract.unprotected_because:
        return
    reached = {column.name: policy for column in model.columns for policy in _policies(model, column, models)}
    needed = next((policy for policy in POLICY_COLUMNS.values() if policy in reached.values()), None)
    if needed is None and contract.row_access_policy is None:
        table, policy = next(iter(protected.items()))
        raise ContractError(
            model.contract_file,
            None,
            f"{model.name} reads rows of {table}, which {policy} protects, and keeps no key to protect them by: "
            f"give it the column {_COLUMN_OF[policy]}, or say unprotected_because",
        )
    if needed and contract.row_access_policy != needed:
        carrier = next(name for name, policy in reached.items() if policy == needed)
        raise ContractError(
            model.contract_file,
            None,
            f"{model.name}.{carrier} comes from {_COLUMN_OF[needed]}: set row_access_policy: {needed} "
            f"and give the column the name {_COLUMN_OF[needed]}",
        )
    carried = str(contract.row_access_policy)
    if carried not in _policies_of(model, _COLUMN_OF[carried], models):
        raise ContractError(
            model.contract_file,
            None,
            f"{model.name}.{_COLUMN_OF[carried]} does not come from the {_COLUMN_OF[carried]} of what {model.name} reads",
        )


def _policies(model: Model, column: ModelColumn, models: Models) -> Iterator[str]:
    """Yields the policies on whose column a column's values come from."""
    for source in models.sources(ColumnRef(table=model.name, column=column.name)):
        contract = models.tables.get(source.table)
        if contract and contract.row_access_policy and source.column == contract.policy_column:
            yield contract.row_access_policy


def _policies_of(model: Model, name: str, models: Models) -> set[str]:
    return {policy for column in model.columns if column.name == name for policy in _policies(model, column, models)}


def _check_mask(model: Model, column: ModelColumn, models: Models) -> None:
    declared = model.contract.column(column.name)
    if declared is None or declared.masking_policy or declared.not_personal_because:
        return
    for source in models.sources(ColumnRef(table=model.name, column=column.name)):
        contract = models.tables.get(source.table)
        above: Column | None = contract.column(source.column) if contract else None
        if above and above.pii:
            raise ContractError(
                model.contract_file,
                None,
                f"{model.name}.{column.name} comes from {source}, which is personal data ({above.pii}): "
                f"set pii: {above.pii} and masking_policy: {above.masking_policy}, or say not_personal_because",
            )
