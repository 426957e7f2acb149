"""CSV as Snowflake reads it, for what Arrow's reader does not do: other delimiters, escapes, rows of different lengths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class CsvOptions:
    """How fields and records are told apart; an empty text means none."""

    record: str
    field: str
    quote: str
    escape: str
    escape_unenclosed: str
    skip_header: int
    trim: bool
    skip_blank: bool
    empty_as_null: bool

    @classmethod
    def of(cls, options: dict[str, Any]) -> CsvOptions:
        """Read them from a file format's options, defaults filled in."""
        return cls(
            record=_delimiter(options["RECORD_DELIMITER"]),
            field=_delimiter(options["FIELD_DELIMITER"]),
            quote=_delimiter(options["FIELD_OPTIONALLY_ENCLOSED_BY"]),
            escape=_delimiter(options["ESCAPE"]),
            escape_unenclosed=_delimiter(options["ESCAPE_UNENCLOSED_FIELD"]),
            skip_header=int(options["SKIP_HEADER"]),
            trim=bool(options["TRIM_SPACE"]),
            skip_blank=bool(options["SKIP_BLANK_LINES"]),
            empty_as_null=bool(options["EMPTY_FIELD_AS_NULL"]),
        )

    @property
    def is_plain(self) -> bool:
        """Whether Arrow's reader does the same, as long as no backslash is met."""
        escapes = {self.escape, self.escape_unenclosed} <= {"", "\\"}
        return (
            len(self.field) == 1
            and self.record in ("\n", "\r\n")
            and len(self.quote) <= 1
            and escapes
            and not self.trim
            and not self.skip_blank
        )

    def without_header(self) -> CsvOptions:
        """The same for a text whose header is gone."""
        return replace(self, skip_header=0)


_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t", "\\\\": "\\", "\\r\\n": "\r\n", "\\'": "'", '\\"': '"'}
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "0": "\0"}


def _delimiter(value: Any) -> str:
    text = str(value or "")
    if text.upper() == "NONE":
        return ""
    if text.lower().startswith("0x") and len(text) % 2 == 0:
        return bytes.fromhex(text[2:]).decode("latin-1")
    if len(text) == 4 and text[0] == "\\" and text[1:].isdigit():
        return chr(int(text[1:], 8))
    return _ESCAPES.get(text, text)


def parse_csv(text: str, options: CsvOptions) -> list[list[str | None]]:
    """The records of a text: fields with quotes and escapes resolved; NULL for an empty field where the format says so."""
    reader = _Reader(text, options)
    rows: list[list[str | None]] = []
    skipped = 0
    while reader.index < len(text):
        if skipped < options.skip_header:
            reader.skip_line()
            skipped += 1
            continue
        row, blank = reader.row()
        if not (blank and options.skip_blank):
            rows.append(row)
    return rows


class _Reader:
    """A place in a text, and what is read there."""

    def __init__(self, text: str, options: CsvOptions) -> None:
        self.text = text
        self.options = options
        self.index = 0

    def _at(self, mark: str) -> bool:
        return bool(mark) and self.text.startswith(mark, self.index)

    def _at_end_of_record(self) -> int:
        """The length of the record's end here, or 0; a newline may have a carriage return before it."""
        if self._at(self.options.record):
            return len(self.options.record)
        if self.options.record == "\n" and self._at("\r\n"):
            return 2
        return 0

    def skip_line(self) -> None:
        while self.index < len(self.text) and not self._at_end_of_record():
            self.index += 1
        self.index += self._at_end_of_record()

    def row(self) -> tuple[list[str | None], bool]:
        """One record, and whether its line is blank."""
        start, row = self.index, []
        while True:
            row.append(self._field())
            if self._at(self.options.field):
                self.index += len(self.options.field)
                continue
            end, blank = self._at_end_of_record(), not self.text[start : self.index].strip()
            self.index += end
            return row, blank

    def _field(self) -> str | None:
        if self.options.trim:
            while self.index < len(self.text) and self.text[self.index] in " \t" and not self._at(self.options.field):
                self.index += 1
        if self._at(self.options.quote):
            value = self._quoted()
            while self.index < len(self.text) and not self._at(self.options.field) and not self._at_end_of_record():
                self.index += 1
            return value
        value = self._unquoted()
        value = value.strip() if self.options.trim else value
        return None if not value and self.options.empty_as_null else value

    def _quoted(self) -> str:
        quote, parts = self.options.quote, []
        self.index += len(quote)
        while self.index < len(self.text):
            if self._at(self.options.escape) and self.options.escape != quote:
                parts.append(self._escape(self.options.escape))
            elif self._at(quote):
                self.index += len(quote)
                if not self._at(quote):
                    break
                parts.append(quote)
                self.index += len(quote)
            else:
                parts.append(self.text[self.index])
                self.index += 1
        return "".join(parts)

    def _unquoted(self) -> str:
        escape, parts = self.options.escape or self.options.escape_unenclosed, []
        while self.index < len(self.text) and not self._at(self.options.field) and not self._at_end_of_record():
            if self._at(escape):
                parts.append(self._escape(escape))
            else:
                parts.append(self.text[self.index])
                self.index += 1
        return "".join(parts)

    def _escape(self, mark: str) -> str:
        """What an escape and the character after it mean; `\\N` stays, as NULL_IF looks for it."""
        self.index += len(mark)
        letter = self.text[self.index : self.index + 1]
        self.index += 1
        if letter == "N" and mark == "\\":
            return "\\N"
        return _ESCAPED.get(letter, letter)
