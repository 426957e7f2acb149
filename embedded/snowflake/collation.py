"""Collations: which specifications there are, and by what a text is compared under each.

A specification is a locale with words after it (`en-ci-trim`), or words alone (`upper`, `trim`). Texts are compared by a key that
DuckDB makes: the text trimmed and turned to one case, without case (`ci`) and accents (`ai`), then ICU's sort key of the locale.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from embedded.snowflake.errors import SqlCompilationError, unsupported

if TYPE_CHECKING:
    from embedded.snowflake.types import DataType

# Collations that compare as the server does, by code points.
_PLAIN = frozenset({"", "utf8", "bin"})
_ALONE = {"upper": "upper({})", "lower": "lower({})", "trim": "trim({})", "ltrim": "ltrim({})", "rtrim": "rtrim({})"}
_OF_LOCALE = {"ci": "lower({})", "ai": "strip_accents({})", "cs": "{}", "as": "{}", "ps": "{}", "fl": "{}"}
# The order in which a key is made.
_ORDER = ("trim", "ltrim", "rtrim", "upper", "lower", "ai", "ci")
_REFUSED = frozenset({"pi", "fu"})
_LOCALE_NAMES = """
af am ar as az be bg bn bo br bs ca ceb chr cs cy da de dsb dz ee el en eo es et fa ff fi fil fr fy ga gl gu ha haw he hi hr hsb hu hy
id ig is it ja ka kk kl km kn ko kok ku ky lb lkt ln lo lt lv mk ml mn mr ms mt my nb ne nl nn no om or pa pl ps pt ro ru sa se si sk sl
smn sq sr st sv sw ta te th tk tn to tr ug uk ur uz vi vo wae wo xh yi yo zh zu de_at en_us fr_ca nb_no pa_in zh_cn zh_hk zh_tw
"""
_LOCALES = frozenset(_LOCALE_NAMES.split())


@lru_cache(maxsize=256)
def template(written: str) -> str:
    """DuckDB text of the key of a text `{}` under a collation.

    Raises:
        SqlCompilationError: there is no such collation (002101).
        SnowflakeError: one that is not done here (000002).
    """
    spec = written.lower()
    if spec in _PLAIN:
        return "{}"
    locale, *words = spec.split("-")
    if locale in _ALONE:
        locale, words = "", [locale, *words]
    known = {**_ALONE, **(_OF_LOCALE if locale else {})}
    if set(words) & _REFUSED:
        raise unsupported(f"COLLATE '{written}'")
    if (locale and locale not in _LOCALES and locale != "utf8") or not set(words) <= set(known):
        raise SqlCompilationError(f"Invalid collation specification: '{written}'.", 2101, "22023")
    text = "{}"
    for word in sorted(words, key=lambda word: _ORDER.index(word) if word in _ORDER else 0):
        text = known[word].format(text)
    return f"icu_sort_key({text}, '{locale}')" if locale and locale != "utf8" else text


def key(sql: str, kind: DataType) -> str:
    """DuckDB text by which a text of a type is compared."""
    return sql if kind.collation is None else template(kind.collation).format(sql)


def is_plain(kind: DataType) -> bool:
    """Whether texts of a type are compared by code points."""
    return kind.collation is None or kind.collation.lower() in _PLAIN


def merged(kinds: list[DataType]) -> tuple[str | None, bool]:
    """The collation that values of some types are compared by, and whether COLLATE names it: that goes before a column's.

    Raises:
        SqlCompilationError: two are told alike, and differ (002102).
    """
    for explicit in (True, False):
        found = {kind.collation for kind in kinds if kind.collation is not None and kind.collation_explicit == explicit}
        if len({spec.lower() for spec in found}) > 1:
            first, second = sorted(found)[:2]
            raise SqlCompilationError(f"Incompatible collations: '{first}' and '{second}'", 2102, "22023")
        if found:
            return found.pop(), explicit
    return None, False
