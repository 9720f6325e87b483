"""The text of a JSON file as a window that slides over it: decoded piece by piece, never held whole.

Byte order marks, UTF-16 and UTF-32 are read; bytes that are no text are replaced and noted. Positions in errors are those of the
whole text, whatever the window.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import IO

from preservation.model.export import Note

WINDOW = 256 * 1024  # bytes read at a time
AT_THE_END = len("-Infinity")  # an error this close to the end of what is there may be one of a token that was cut
_BLANK = re.compile(r"[ \t\n\r]*")
_SCALARS = re.compile(
    r"(?:[ \t\n\r]*+(?:-?(?:0|[1-9][0-9]{0,99}+)(?:\.[0-9]{1,20}+)?+|true|false|null)[ \t\n\r]*+,)++"
)  # of a list: every number of usual length, true, false and null that is followed by a comma
_PLAIN = re.compile(r'[^"\\]*')
Progress = Callable[[int], None]


class Unreadable(Exception):
    """The document cannot be read; `note` says why, with positions and no content."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.note = Note(code=code, message=message)


class Text:
    """A window over the text of a stream. `buffer[at:]` is what lies ahead; `ended` says that nothing more will come."""

    def __init__(self, stream: IO[bytes], max_bytes: int, window: int, odd: Counter[str], progress: Progress | None) -> None:
        self.buffer, self.at, self.ended = "", 0, False
        self.halves = False  # whether an escape that may be half a character is in the window
        self._stream, self._left, self._window, self._odd, self._progress = stream, max_bytes, window, odd, progress
        self._max = max_bytes
        self._before, self._lines, self._line_start = 0, 0, 0  # of what has left the window: characters, line breaks, last one
        first = self._read_bytes(4)
        while 0 < len(first) < 4 and (rest := self._read_bytes(4 - len(first))):
            first += rest
        self._encoding = json.detect_encoding(first)
        self._decoder = codecs.getincrementaldecoder(self._encoding)("strict")
        self._begun = False
        self._append(first)

    @property
    def position(self) -> int:
        """How many characters lie behind `at`, from the beginning of the text."""
        return self._before + self.at

    def more(self) -> bool:
        """Let go of what was read and read on; False if there was nothing more. A long token doubles what is read at once."""
        if self.ended:
            return False
        wanted = max(self._window, len(self.buffer) - self.at)
        self._let_go()
        size = len(self.buffer)
        while not self.ended and len(self.buffer) == size:
            self._append(self._read_bytes(wanted))
        return len(self.buffer) > size

    def peek(self) -> str:
        """The next character that is not blank, `at` moved to it; "" at the end."""
        if self.at < len(self.buffer) and (ahead := self.buffer[self.at]) not in " \n\r\t":
            return ahead
        while True:
            found = _BLANK.match(self.buffer, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if not self.more():
                return ""

    def skip_scalars(self) -> int:
        """Pass over the numbers and constants of a list that lie in the window, with the comma after each; how many there were."""
        found = _SCALARS.match(self.buffer, self.at)
        if not found:
            return 0
        self.at = found.end()
        return self.buffer.count(",", found.start(), found.end())

    def skip_string(self, keep: int) -> str:
        """Pass over the string that begins here, however long; its first `keep` characters, escapes as written."""
        kept = ""
        self.at += 1
        while True:
            found = _PLAIN.match(self.buffer, self.at)
            end = found.end() if found else self.at
            kept += self.buffer[self.at : min(end, self.at + max(0, keep - len(kept)))]
            self.at = end
            escape = self.buffer[end : end + 2]
            if escape[:1] == '"':
                self.at += 1
                return kept
            if len(escape) == 2:
                self._require_escape(end)
                self.at += 2
            elif not self.more():
                raise self.broken(self.at, unterminated=True)

    def _require_escape(self, at: int) -> None:
        """An escape JSON knows; four digits after `u`."""
        while len(self.buffer) < at + 6 and not self.ended:
            self.at = at
            self.more()
            at = self.at
        escape = self.buffer[at + 1 : at + 6]
        if escape[0] not in '"\\/bfnrtu' or (escape[0] == "u" and not re.fullmatch("u[0-9a-fA-F]{4}", escape)):
            raise self.broken(at)

    def broken(self, at: int, *, unterminated: bool = False) -> Unreadable:
        """What to raise for a fault at `at` in the window: cut off, if it lies at the very end; an open string always does."""
        line = self._lines + self.buffer.count("\n", 0, at) + 1
        newline = self.buffer.rfind("\n", 0, at)
        column = at - newline if newline >= 0 else self._before + at - self._line_start + 1
        where, solid = self._before + at, self._solid_end(0)
        while not self.ended and (unterminated or where >= solid - AT_THE_END):
            self.at = len(self.buffer)
            self.more()
            solid = self._solid_end(solid)
        if unterminated or where >= solid - AT_THE_END:
            length = self._before + len(self.buffer)
            return Unreadable("json-truncated", f"the file ends in the middle, after {length} characters")
        return Unreadable("json-invalid", f"the file is not JSON at line {line}, column {column}")

    def _solid_end(self, known: int) -> int:
        end = len(self.buffer.rstrip())
        return self._before + end if end else known

    def _let_go(self) -> None:
        at = self.at
        if not at:
            return
        newline = self.buffer.rfind("\n", 0, at)
        if newline >= 0:
            self._lines += self.buffer.count("\n", 0, at)
            self._line_start = self._before + newline + 1
        self._before += at
        self.buffer, self.at = self.buffer[at:], 0

    def _read_bytes(self, size: int) -> bytes:
        data = self._stream.read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise Unreadable("json-too-large", f"the file is larger than {self._max} bytes")
        if self._progress and data:
            self._progress(len(data))
        return data

    def _append(self, data: bytes) -> None:
        self.ended = not data
        text = self._decoded(data)
        if text and not self._begun:
            self._begun = True
            text = text.removeprefix("\ufeff")
        self.buffer += text
        self.halves = "\\ud" in self.buffer or "\\uD" in self.buffer

    def _decoded(self, data: bytes) -> str:
        state = self._decoder.getstate()
        try:
            return self._decoder.decode(data, self.ended)
        except UnicodeError:
            self._odd["json-not-utf8"] = 1
            self._decoder = codecs.getincrementaldecoder(self._encoding)("replace")
            self._decoder.setstate(state)
            return self._decoder.decode(data, self.ended)
