"""Read and write Snowflake identifiers the way the official plugin does: case as given, always quoted in SQL."""

Name = tuple[str, ...]


def parse(text: str) -> Name:
    """Return the parts of a dotted identifier; quoted parts may hold dots and doubled quotes.

    Raises:
        ValueError: a quote is not closed, or text follows a closing quote.
    """
    parts: list[str] = []
    position = 0
    while True:
        part, position = _part(text, position)
        parts.append(part)
        if position >= len(text):
            return tuple(parts)
        if text[position] != ".":
            raise ValueError(f"unable to read identifier: {text}, unexpected text after a quoted part")
        position += 1


def _part(text: str, start: int) -> tuple[str, int]:
    if text[start : start + 1] != '"':
        end = text.find(".", start)
        end = len(text) if end < 0 else end
        return text[start:end], end
    position = start + 1
    while True:
        end = text.find('"', position)
        if end < 0:
            raise ValueError(f"unable to read identifier: {text}, a quote is not closed")
        if text[end + 1 : end + 2] != '"':
            return text[start + 1 : end].replace('""', '"'), end + 1
        position = end + 2


def quote(part: str) -> str:
    """Return one part of an identifier in double quotes."""
    return '"' + part.replace('"', '""') + '"'


def full(*parts: str) -> str:
    """Return a fully qualified name, each part quoted."""
    return ".".join(quote(part) for part in parts)


def requote(text: str) -> str:
    """Return a dotted identifier, however quoted, with every part quoted."""
    return full(*parse(text))


def same(one: object, other: object) -> bool:
    """Return whether two texts name the same object (quotes do not matter, case does)."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return one == other
    try:
        return parse(one) == parse(other)
    except ValueError:
        return one == other
