"""Models: SQL files with their contracts, compiled before anything is deployed.

    models = load_declarations(root, settings).models   # or compiler.compile_models(…); an error names file and line
    models.tables                                # every contract that keeps rows, sql/tables included, by `schema.table`
    models.models                                # every model by `schema.name`, in the order of their dependencies
    models.models["marts.tbl_dim_customer"]      # Model: contract, query, reads, columns with their origins
    models.readers_of("staging.stg_customers")   # models that name it in their query
    models.base_tables("analytics.x")            # tables that it reads, also through views
    ref = ColumnRef(table="analytics.x", column="customer_id")
    models.origins(ref)                          # the columns that it is computed from, one step up
    models.sources(ref)                          # the same, all the way up
    models.impact(ref)                           # the columns that are computed from it, all the way down
    models.pii_kinds(ref)                        # kinds of personal data that it is computed from

Nothing is written twice: what a query reads, the order of the models, the lineage of each column and the streams and tasks
that keep them fresh come from the SQL itself (sqlglot). A model names what it reads as `schema.name`, or by the name alone
where only one has it; the database is put before it. Deployment takes over `models.streams` and `models.tasks` beside those
of sql/streams and sql/tasks, and `models.views` beside sql/views. This package knows nothing of Pulumi.
"""

from __future__ import annotations

from logistics.modelling.graph import ColumnRef, Model, ModelColumn, Models

__all__ = ["ColumnRef", "Model", "ModelColumn", "Models"]
