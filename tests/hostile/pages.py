"""What in a page could act: scripts, handlers, links that run code, embedded pages."""

import hashlib
import re
from html.parser import HTMLParser

EMBEDS = {"iframe", "object", "embed", "base", "form", "link", "meta"}
ACTING = re.compile(r"\s*(javascript|vbscript|data:(?!image/(png|jpeg);base64,))", re.I)


class _Active(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._script: list[str] | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "script" and ("type", "application/json") not in attributes:  # which is data
            self._script = [repr(sorted(attributes, key=str))]
        if tag in EMBEDS:
            self.found.add(f"<{tag} {sorted(attributes, key=str)}>")
        for name, value in attributes:
            if name.startswith("on") or name == "srcdoc":
                self.found.add(f"{tag} {name}={value}")
            if name in ("href", "src", "action", "data") and ACTING.match(value or ""):
                self.found.add(f"{tag} {name}={(value or '')[:80]}")

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self._script.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._script is not None:
            text = "".join(self._script)
            self.found.add(f"script {hashlib.sha256(text.encode()).hexdigest()} {text[:60]!r}")
            self._script = None


def active_parts(html: str) -> set[str]:
    """Return whatever in a page acts or loads, each described by what it is."""
    parser = _Active()
    parser.feed(html)
    parser.close()
    if parser._script is not None:
        parser.found.add(f"script without an end: {parser._script}")
    return parser.found
