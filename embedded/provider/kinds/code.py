"""Functions and procedures in SQL and Python, and Streamlit apps."""

import re
from collections.abc import Iterator
from typing import Any

from embedded.provider import datatypes, literals, names
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Field, Found, Kind, Parameters
from embedded.provider.kinds.statements import COMMENT, Clause, Custom, Flag, ParameterSet, Rename, Settings, Text
from embedded.provider.operation import Operation
from embedded.provider.ordering import set_order
from embedded.provider.session import Row

# -- functions and procedures ------------------------------------------------------------------------------------------


def _argument(given: dict[str, Any]) -> str:
    default = f" DEFAULT {given['arg_default_value']}" if given.get("arg_default_value") else ""
    return f"{names.quote(given['arg_name'])} {datatypes.sql(given['arg_data_type'])}{default}"


def _types(arguments: Any) -> list[str]:
    return [datatypes.bare(each["arg_data_type"]) for each in arguments or []]


def _import_path(given: dict[str, Any]) -> str:
    location = given["stage_location"]
    return f"{'' if location in ('~', '') else '@'}{location if location != '~' else '@~'}/{given['path_on_stage']}"


def _imports(values: Any) -> str:
    return literals.texts(_import_path(each) for each in values)


def _secrets(values: Any) -> str:
    pieces = (
        f"{literals.text(each['secret_variable_name'])} = {literals.identifier(each['secret_id'])}" for each in values
    )
    return "(" + ", ".join(pieces) + ")"


def _returns(op: Operation) -> str:
    type_ = str(op.inputs.get("return_type"))
    table = re.fullmatch(r"\s*TABLE\s*\((.*)\)\s*", type_, re.IGNORECASE | re.DOTALL)
    if not table:
        return f"RETURNS {datatypes.sql(type_)}"
    pairs = (piece.strip().split(None, 1) for piece in re.split(r",(?![^(]*\))", table.group(1)) if piece.strip())
    return "RETURNS TABLE (" + ", ".join(f"{names.quote(name)} {datatypes.sql(kind)}" for name, kind in pairs) + ")"


def _packages(op: Operation) -> str:
    packages = set_order(op.value("packages") or [])
    if op.kind.name.startswith("Procedure"):
        packages.insert(0, f"snowflake-snowpark-python=={op.value('snowpark_package')}")
    return f"PACKAGES = {literals.texts(packages)}" if packages else ""


def _body(op: Operation) -> str:
    value = op.value("function_definition") or op.value("procedure_definition")
    return f"AS {literals.dollars(value)}" if value is not None else ""


_COMMENT_OF_CREATE = Clause("comment", "COMMENT")
_ACCESS = Clause(
    "external_access_integrations", "EXTERNAL_ACCESS_INTEGRATIONS", lambda v: literals.identifiers(set_order(v))
)
_SECRETS = Clause("secrets", "SECRETS", _secrets)
_RUNTIME = Clause("runtime_version", "RUNTIME_VERSION")
_HANDLER = Clause("handler", "HANDLER")
_IMPORTS = Clause("imports", "IMPORTS", _imports)
_NULLS = Text(lambda op: str(op.value("null_input_behavior") or "").upper())
_VOLATILITY = Text(lambda op: str(op.value("return_results_behavior") or "").upper())
_EXECUTE_AS = Text(lambda op: f"EXECUTE AS {str(op.value('execute_as')).upper()}" if op.value("execute_as") else "")


class CodeKind(Kind):
    """A function or procedure: its name includes its argument types."""

    def _arguments(self, op: Operation) -> list[str]:
        return _types(op.inputs.get("arguments"))

    def parts_of_inputs(self, op: Operation) -> tuple[str, ...]:
        """Return database, schema, name and the argument types as one part."""
        return (*super().parts_of_inputs(op), ", ".join(self._arguments(op)))

    def parts_of_id(self, id_: str) -> tuple[str, ...]:
        """Return database, schema, name and the argument types as one part."""
        head, bracket, rest = id_.rpartition("(") if "(" in id_ else (id_, "", "")
        parts = names.parse(head) if head else ()
        if len(parts) != 3 or not bracket or not rest.endswith(")"):
            raise ValueError(
                f'invalid id of a {self.name}: {id_}; it has to look like "DATABASE"."SCHEMA"."NAME"(TYPE, TYPE)'
            )
        return (*parts, rest[:-1])

    def subject(self, op: Operation) -> str:
        """Return the name without the types: one SHOW answers for all of that name."""
        return op.parts[2] if len(op.parts) > 2 else op.id

    def fqn(self, op: Operation) -> str:
        """Return the full name with the argument types."""
        return f"{names.full(*op.parts[:3])}({op.parts[3]})"

    def id_of(self, op: Operation) -> str:
        """Return the full name with the argument types."""
        return self.fqn(op)

    def create_statement(self, op: Operation, *, replace: bool = False) -> str:
        """Return the CREATE statement, with the arguments' names and types."""
        arguments = ", ".join(_argument(each) for each in op.inputs.get("arguments") or [])
        statement = super().create_statement(op, replace=replace)
        return statement.replace(self.fqn(op), f"{names.full(*op.parts[:3])} ({arguments})", 1)

    def find(self, op: Operation) -> Row | None:
        """Return the row of SHOW with the same name and argument types."""
        place, name = self.place(op), op.parts[2]
        from embedded.provider.kinds.statements import like

        narrow, wide = f"SHOW {self.plural} LIKE {like(name)} {place}", f"SHOW {self.plural} {place}"
        rows = op.show(self.topic, name, narrow, wide, place)
        wanted = [piece.strip() for piece in op.parts[3].split(",") if piece.strip()]
        return next((row for row in rows if row.get("name") == name and _shown_types(row) == wanted), None)

    def fill(self, op: Operation, found: Found) -> None:
        """Write what Snowflake says into the state."""
        super().fill(op, found)
        op.state.set("name", op.parts[2])


def _shown_types(row: Row) -> list[str]:
    """Return the argument types in ``NAME(NUMBER, VARCHAR) RETURN NUMBER``."""
    text = columns.text(row.get("arguments"))
    content = re.search(r"\((.*)\)\s+RETURN\b", text, re.IGNORECASE | re.DOTALL)
    pieces = re.split(r",(?![^(]*\))", content.group(1)) if content else []
    return [datatypes.bare(piece.replace("DEFAULT", "").strip()) for piece in pieces if piece.strip()]


class CodeRename(Rename):
    """``RENAME TO`` names the object without its argument types."""

    def statements(self, op: Operation) -> Iterator[str]:
        """Yield the statement when the name changed."""
        if "name" in op.changes:
            new = (*op.parts[:2], op.inputs.get("name"))
            yield f"ALTER {op.kind.sql} {op.fqn} RENAME TO {names.full(*new)}"
            op.parts = (*new, op.parts[3])


def _secure(op: Operation) -> Iterator[str]:
    if "is_secure" in op.changes and op.kind.sql == "FUNCTION":
        yield f"ALTER FUNCTION {op.fqn} {'SET' if op.value('is_secure') == 'true' else 'UNSET'} SECURE"


def _execute_as(op: Operation) -> Iterator[str]:
    if "execute_as" in op.changes:
        yield f"ALTER PROCEDURE {op.fqn} EXECUTE AS {str(op.value('execute_as') or 'OWNER').upper()}"


def _created(op: Operation) -> None:
    clauses = (clause.create(op) for clause in ParameterSet().clauses(op))
    words = ", ".join(filter(None, clauses))
    if words:
        op.write(f"ALTER {op.kind.sql} {op.fqn} SET {words}")


def _read(op: Operation, found: Found) -> None:
    state, values = op.state, found.described()
    noun = "function" if op.kind.sql == "FUNCTION" else "procedure"
    shown = columns.text(found.show.get("description"))
    state.set("comment", shown)
    state.set(f"{noun}_language", columns.text(values.get("language")) or "SQL")
    body, key = values.get("body"), f"{noun}_definition"
    before = state.get(key)
    if body is not None and not (before and columns.squeeze(before) == columns.squeeze(body)):
        state.set(key, columns.text(body))
    type_ = columns.text(values.get("returns"))
    if type_ and not (state.get("return_type") and _same_return(state.get("return_type"), type_)):
        state.set("return_type", type_)
    if op.importing or not state.has("arguments"):
        state.set("arguments", _read_arguments(columns.text(values.get("signature"))))
    for name in ("handler", "runtime_version"):
        if op.resource.properties.get(name) and values.get(name):
            state.set(name, columns.text(values[name]))
    if (
        values.get("execute as")
        and op.resource.properties.get("execute_as")
        and (op.importing or state.has("execute_as"))
    ):
        state.set("execute_as", columns.text(values["execute as"]))


def _same_return(one: str, other: str) -> bool:
    if one.strip().upper().startswith("TABLE"):
        return re.sub(r"\s", "", one).upper().split("(")[0] == re.sub(r"\s", "", other).upper().split("(")[0]
    return datatypes.bare(one) == datatypes.bare(other)


def _read_arguments(signature: str) -> list[dict[str, Any]]:
    content = signature.strip().removeprefix("(").removesuffix(")")
    pairs = (piece.strip().split(None, 1) for piece in re.split(r",(?![^(]*\))", content) if piece.strip())
    return [{"arg_name": name.strip('"'), "arg_data_type": type_.strip()} for name, type_ in pairs]


_SHOW = {"arguments_raw": lambda row: columns.text(row.get("arguments"))}


def _code(name: str, plural: str, body: tuple[Any, ...], settings: tuple[Any, ...]) -> CodeKind:
    sql = "FUNCTION" if name.startswith("Function") else "PROCEDURE"
    language = "PYTHON" if name.endswith("Python") else "SQL"
    noun = sql.lower()
    return CodeKind(
        name=name,
        sql=sql,
        plural=plural,
        levels=3,
        id_form="quoted",
        parameters=Parameters(sql.capitalize(), sql),
        head=(Flag("is_secure", "SECURE"),),
        body=body,
        steps=(
            CodeRename(),
            Settings((*settings, ParameterSet()), separator=", "),
            Custom(_secure),
            Custom(_execute_as),
        ),
        describe=sql,
        read_more=_read,
        show_output=_SHOW,
        after_create=_created,
        drifted=lambda old: (
            {f"{noun}_language": True} if old.get(f"{noun}_language") not in (None, "", language) else {}
        ),
    )


_RETURNS = Text(_returns)
FUNCTION_SQL = _code(
    "FunctionSql", "USER FUNCTIONS", (_RETURNS, _VOLATILITY, _COMMENT_OF_CREATE, Text(_body)), (COMMENT,)
)
FUNCTION_PYTHON = _code(
    "FunctionPython",
    "USER FUNCTIONS",
    (
        _RETURNS,
        Text("LANGUAGE PYTHON"),
        _NULLS,
        _VOLATILITY,
        _RUNTIME,
        _COMMENT_OF_CREATE,
        _IMPORTS,
        Text(_packages),
        _HANDLER,
        _ACCESS,
        _SECRETS,
        Text(_body),
    ),
    (_ACCESS, _SECRETS, COMMENT),
)
PROCEDURE_SQL = _code(
    "ProcedureSql",
    "PROCEDURES",
    (_RETURNS, Text("LANGUAGE SQL"), _NULLS, _COMMENT_OF_CREATE, _EXECUTE_AS, Text(_body)),
    (COMMENT,),
)
PROCEDURE_PYTHON = _code(
    "ProcedurePython",
    "PROCEDURES",
    (
        _RETURNS,
        Text("LANGUAGE PYTHON"),
        _NULLS,
        _RUNTIME,
        Text(_packages),
        _IMPORTS,
        _HANDLER,
        _ACCESS,
        _SECRETS,
        _COMMENT_OF_CREATE,
        _EXECUTE_AS,
        Text(_body),
    ),
    (_ACCESS, _SECRETS, COMMENT),
)

# -- Streamlit apps ----------------------------------------------------------------------------------------------------


def _root(op: Operation) -> str:
    directory = op.value("directory_location")
    location = "@" + literals.identifier(op.inputs.get("stage")) + (f"/{directory}" if directory else "")
    return f"ROOT_LOCATION = {literals.text(location)}"


_APP = (
    Clause("main_file", "MAIN_FILE"),
    Clause("query_warehouse", "QUERY_WAREHOUSE", literals.identifier),
    Clause(
        "external_access_integrations", "EXTERNAL_ACCESS_INTEGRATIONS", lambda v: literals.identifiers(set_order(v))
    ),
    Clause("title", "TITLE"),
    COMMENT,
)


def _app_changes(op: Operation) -> Iterator[str]:
    """Yield one SET with the place, the file, the warehouse and the texts, and one UNSET."""
    setting = [_root(op)] if {"stage", "directory_location"} & op.changes.keys() else []
    unsetting = []
    for clause in (_APP[0], _APP[1], _APP[2], COMMENT, _APP[3]):
        if clause.key not in op.changes:
            continue
        value = op.value(clause.key)
        if value is not None:
            setting.append(clause.render(value))
        elif clause.key == "external_access_integrations":
            setting.append("EXTERNAL_ACCESS_INTEGRATIONS = ()")
        else:
            unsetting.append(clause.sql)
    if setting:
        yield f"ALTER STREAMLIT {op.fqn} SET {' '.join(setting)}"
    if unsetting:
        yield f"ALTER STREAMLIT {op.fqn} UNSET {', '.join(unsetting)}"


_LOCATION = re.compile(r'^@((?:"(?:[^"]|"")*"|[^./"]+)(?:\.(?:"(?:[^"]|"")*"|[^./"]+))*)/?(.*)$', re.DOTALL)


def _app_read(op: Operation, found: Found) -> None:
    row, state = found.describe[0] if found.describe else {}, op.state
    location = _LOCATION.match(columns.text(row.get("root_location")))
    if location:
        stage = names.requote(location.group(1))
        state.set("stage", state.get("stage") if names.same(state.get("stage"), stage) else stage)
        state.set("directory_location", location.group(2) or None)
    state.set("main_file", columns.text(row.get("main_file")))
    for key in ("title", "query_warehouse"):
        shown = columns.not_null(row.get(key) if row.get(key) is not None else found.show.get(key))
        state.set(key, state.get(key) if names.same(state.get(key), shown) else shown)
    state.set("external_access_integrations", columns.items(row.get("external_access_integrations")))


def _describe_app(op: Operation, found: Found) -> list[dict[str, Any]]:
    properties = op.resource.properties["describe_output"].properties
    assert properties is not None
    return [columns.shape(properties, row, {}) for row in found.describe[:1]]


STREAMLIT = Kind(
    name="Streamlit",
    sql="STREAMLIT",
    plural="STREAMLITS",
    levels=3,
    id_form="quoted",
    body=(Text(_root), *_APP),
    steps=(Rename(), Custom(_app_changes)),
    describe="STREAMLIT",
    fields={"comment": Field("comment")},
    read_more=_app_read,
    describe_output=_describe_app,
)

KINDS = (FUNCTION_SQL, FUNCTION_PYTHON, PROCEDURE_SQL, PROCEDURE_PYTHON, STREAMLIT)
