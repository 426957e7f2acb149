"""Functions and procedures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.arguments import read_arguments, read_type, signature
from embedded.snowflake.catalog.kinds import Definition, Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.show import columns, number
from embedded.snowflake.catalog.values import Property, at_string, identifiers, read_properties, text, texts
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.result import Result, listing
from embedded.snowflake.scripting.parser import Parser, parse_block
from embedded.snowflake.security.privileges import require
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import parse_type

if TYPE_CHECKING:
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session

LANGUAGES = ("SQL", "PYTHON", "JAVASCRIPT")


def _secrets(tokens: TokenStream) -> dict[str, str]:
    """Read `('variable' = secret, …)`."""

    def pair() -> tuple[str, str]:
        variable = tokens.string()
        tokens.expect("=")
        return variable, str(tokens.name())

    return dict(tokens.parenthesized(pair))


_CLAUSES: dict[str, Property] = {
    "RUNTIME_VERSION": Property(text),
    "COMMENT": Property(text),
    "IMPORTS": Property(texts),
    "PACKAGES": Property(texts),
    "ARTIFACT_REPOSITORY": Property(text),
    "HANDLER": Property(text),
    "EXTERNAL_ACCESS_INTEGRATIONS": Property(identifiers),
    "SECRETS": Property(_secrets),
    "TARGET_PATH": Property(text),
}
# Words that stand alone: what they set.
_WORDS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("CALLED", "ON", "NULL", "INPUT"), "null_handling", "CALLED ON NULL INPUT"),
    (("RETURNS", "NULL", "ON", "NULL", "INPUT"), "null_handling", "RETURNS NULL ON NULL INPUT"),
    (("STRICT",), "null_handling", "RETURNS NULL ON NULL INPUT"),
    (("VOLATILE",), "volatility", "VOLATILE"),
    (("IMMUTABLE",), "volatility", "IMMUTABLE"),
    (("MEMOIZABLE",), "memoizable", "true"),
    (("EXECUTE", "AS", "CALLER"), "execute_as", "CALLER"),
    (("EXECUTE", "AS", "OWNER"), "execute_as", "OWNER"),
)


def read_code(kind: str, _session: Session, tokens: TokenStream, create: CreateOptions, _: ObjectName) -> Definition:
    """Read a function or procedure after its name: arguments, clauses, and the body after AS."""
    from embedded.snowflake.catalog.parameters import properties as parameter_properties

    arguments = [argument.to_json() for argument in read_arguments(tokens)]
    _check_defaults(arguments)
    definition = Definition(signature=signature(arguments))
    definition.body.update(
        arguments=arguments,
        returns=None,
        language="SQL",
        properties={},
        parameters={},
        secure="SECURE" in create.modifiers,
    )
    level = parameter_properties(kind.lower())
    while tokens and not tokens.accept("AS"):
        if _read_word(definition, tokens):
            continue
        if tokens.accept("RETURNS"):
            definition.body["returns"] = _read_returns(tokens)
            continue
        found = read_properties(tokens, {**_CLAUSES, **level}, kind)
        if not found:
            raise tokens.unexpected()
        definition.comment = found.pop("COMMENT", definition.comment)
        for key, value in found.items():
            definition.body["parameters" if key in level else "properties"][key] = value
    is_staged = definition.body["language"] == "PYTHON" and bool(definition.body["properties"].get("IMPORTS"))
    definition.body["body"] = "" if is_staged and not tokens else _read_body(kind, tokens)
    _check(kind, definition)
    return definition


def _check_defaults(arguments: list[dict[str, Any]]) -> None:
    names = [argument["name"] for argument in arguments]
    if len(set(names)) != len(names):
        raise SqlCompilationError("duplicate argument name", 2025, "42S21")
    optional = False
    for argument in arguments:
        if optional and argument["default"] is None:
            raise SqlCompilationError("A required argument cannot follow an optional one.", 1003, "42601")
        optional = argument["default"] is not None


def _read_word(definition: Definition, tokens: TokenStream) -> bool:
    if tokens.accept("COPY", "GRANTS"):
        definition.copy_grants = True
        return True
    if tokens.accept("LANGUAGE"):
        language = tokens.identifier()
        if language not in LANGUAGES:
            raise unsupported(f"LANGUAGE {language}")
        definition.body["language"] = language
        return True
    if tokens.accept("EXECUTE", "AS", "RESTRICTED", "CALLER"):
        raise unsupported("EXECUTE AS RESTRICTED CALLER")
    for words, key, value in _WORDS:
        if tokens.accept(*words):
            definition.body[key] = value
            return True
    return False


def _read_returns(tokens: TokenStream) -> Any:
    """A type, or the columns of a TABLE."""
    if tokens.accept("TABLE"):
        return {"table": [argument.to_json() for argument in read_arguments(tokens)]}
    kind = str(read_type(tokens))
    _ = tokens.accept("NOT", "NULL") or (tokens.word(1) != "ON" and tokens.accept("NULL"))
    return kind


def _read_body(kind: str, tokens: TokenStream) -> str:
    if not tokens:
        raise unsupported(f"CREATE {kind} without a body")
    if at_string(tokens):
        return tokens.string()
    if kind == "PROCEDURE" and tokens.word() in ("BEGIN", "DECLARE"):
        block = Parser(tokens).block()
        return tokens.text[block.start : block.end]
    raise tokens.unexpected()


def _check(kind: str, definition: Definition) -> None:
    body = definition.body
    if body["returns"] is None:
        raise SqlCompilationError(f"Missing RETURNS of the {kind.lower()}.", 1003, "42601")
    absent = [
        key
        for key in ("HANDLER", "RUNTIME_VERSION")
        if body["language"] == "PYTHON" and not body["properties"].get(key)
    ]
    if absent:
        raise SqlCompilationError(f"Missing option(s): [{', '.join(absent)}]", 2029, "42601")
    if body["language"] == "PYTHON":
        from embedded.snowflake.programs.python_code import check_packages

        check_packages(body["properties"].get("PACKAGES") or [])
    if body["language"] == "SQL" and kind == "PROCEDURE":
        parse_block(body["body"])
    if body["language"] == "SQL" and kind == "FUNCTION":
        from embedded.snowflake.statements.physical import check_function

        check_function(body)


def _alter(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    from embedded.snowflake.catalog.tags import change

    if tokens.word() in ("SET", "UNSET") and tokens.word(1) == "SECURE":
        require(session, "OWNERSHIP", item)
        secure = tokens.next().text.upper() == "SET"
        tokens.next()
        change(session, item, lambda body: body.update(secure=secure))
        return True
    if item.kind == "PROCEDURE" and tokens.accept("EXECUTE", "AS"):
        require(session, "OWNERSHIP", item)
        rights = tokens.identifier()
        if rights == "RESTRICTED":
            raise unsupported("EXECUTE AS RESTRICTED CALLER")
        if rights not in ("OWNER", "CALLER"):
            raise tokens.unexpected()
        change(session, item, lambda body: body.update(execute_as=rights))
        return True
    return False


# -- SHOW and DESCRIBE


def _returns(item: CatalogObject, *, full: bool = False) -> str:
    returns = item.body["returns"]
    if isinstance(returns, dict):
        return f"TABLE {signature(returns['table'], names=True)}"
    return returns if full else parse_type(returns).bare


def _arguments(_: Session, item: CatalogObject) -> str:
    types = [
        ("DEFAULT " if argument["default"] else "") + parse_type(argument["type"]).bare
        for argument in item.body["arguments"]
    ]
    return f"{item.name}({', '.join(types)}) RETURN {_returns(item)}"


def _flag(key: str) -> Any:
    return lambda _, item: "Y" if item.body.get(key) else "N"


def _access(_: Session, item: CatalogObject) -> str | None:
    found = item.body["properties"].get("EXTERNAL_ACCESS_INTEGRATIONS")
    return "[" + ", ".join(found) + "]" if found else None


def _secrets_text(_: Session, item: CatalogObject) -> str | None:
    found = item.body["properties"].get("SECRETS")
    return "{" + ", ".join(f'"{key}":"{value}"' for key, value in found.items()) + "}" if found else None


_COLUMNS = (
    "created_on name schema_name is_builtin is_aggregate is_ansi min_num_arguments max_num_arguments arguments description"
    " catalog_name is_table_function valid_for_clustering is_secure secrets external_access_integrations"
)


def _show(further: str, **values: Any) -> Any:
    no = lambda *_: "N"  # noqa: E731
    return columns(
        f"{_COLUMNS}{further}",
        is_builtin=no,
        is_aggregate=no,
        is_ansi=no,
        min_num_arguments=number(lambda _, item: sum(1 for one in item.body["arguments"] if one["default"] is None)),
        max_num_arguments=number(lambda _, item: len(item.body["arguments"])),
        arguments=_arguments,
        description=lambda _, item: item.comment,
        is_table_function=lambda _, item: "Y" if isinstance(item.body["returns"], dict) else "N",
        valid_for_clustering=no,
        is_secure=_flag("secure"),
        secrets=_secrets_text,
        external_access_integrations=_access,
        **values,
    )


def _describe(_: Session, item: CatalogObject) -> Result:
    body, properties = item.body, item.body["properties"]
    rows: list[tuple[str, Any]] = [
        ("signature", signature(body["arguments"], names=True)),
        ("returns", _returns(item, full=True)),
        ("language", body["language"]),
    ]
    if item.kind == "PROCEDURE" or body["language"] != "SQL":
        rows.append(("null handling", body.get("null_handling", "CALLED ON NULL INPUT")))
        rows.append(("volatility", body.get("volatility", "VOLATILE")))
    rows.append(("body", body["body"]))
    if body["language"] == "PYTHON":
        packages = "[" + ",".join(f"'{name}'" for name in properties.get("PACKAGES", [])) + "]"
        rows += [
            ("imports", "[" + ",".join(properties.get("IMPORTS", [])) + "]"),
            ("handler", properties["HANDLER"]),
            ("runtime_version", properties["RUNTIME_VERSION"]),
            ("packages", packages),
            ("installed_packages", packages),
        ]
        if item.kind == "FUNCTION":
            rows.append(("is_aggregate", "false"))
    if item.kind == "PROCEDURE":
        rows.append(("execute as", body.get("execute_as", "OWNER")))
    return listing(("property", "value"), rows)


register(
    Kind(
        "FUNCTION",
        "FUNCTIONS",
        properties={
            key: clause for key, clause in _CLAUSES.items() if key in ("EXTERNAL_ACCESS_INTEGRATIONS", "SECRETS")
        },
        level="function",
        create_privilege="CREATE FUNCTION",
        privileges=("USAGE",),
        show=_show(
            " is_external_function language is_memoizable is_data_metric",
            is_external_function=lambda *_: "N",
            language=lambda _, item: item.body["language"],
            is_memoizable=_flag("memoizable"),
            is_data_metric=lambda *_: "N",
        ),
        describe=_describe,
        read=partial(read_code, "FUNCTION"),
        alter=_alter,
        has_signature=True,
        show_words=("USER FUNCTIONS",),
    )
)

register(
    Kind(
        "PROCEDURE",
        "PROCEDURES",
        properties={
            key: clause for key, clause in _CLAUSES.items() if key in ("EXTERNAL_ACCESS_INTEGRATIONS", "SECRETS")
        },
        level="procedure",
        create_privilege="CREATE PROCEDURE",
        privileges=("USAGE",),
        show=_show(""),
        describe=_describe,
        read=partial(read_code, "PROCEDURE"),
        alter=_alter,
        has_signature=True,
        show_words=("USER PROCEDURES",),
    )
)
