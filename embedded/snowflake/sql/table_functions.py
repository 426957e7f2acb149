"""Table functions: FLATTEN, GENERATOR, RESULT_SCAN, those of INFORMATION_SCHEMA, and SQL UDTFs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.errors import unsupported
from embedded.snowflake.sql.parse import MARK
from embedded.snowflake.sql.scope import Relation

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions


def bind_table_function(node: exp.Expression, binder: Expressions) -> Relation:
    """Bind a call in a FROM."""
    raise unsupported(f"table function {node.sql('snowflake').replace(MARK, '')}")


def from_stage(node: exp.Expression, binder: Expressions) -> Relation:
    """Files of a stage as rows: `SELECT $1 FROM @stage/path (FILE_FORMAT => …)`."""
    raise unsupported("SELECT from a stage")
