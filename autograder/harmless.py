"""What a student wrote, made harmless before it stands in a page that somebody else opens.

Feedback and formgrader show markdown with its raw HTML, its attachments and links of any scheme.
Here markdown is rendered as those pages will render it; where that would yield anything but plain
text, links and pictures, it is shown escaped, and as literal text where escaping does not help.
"""

import base64
import binascii
import re
from html.parser import HTMLParser
from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

TEXT_LIMIT = 20_000  # characters of one output
MARKDOWN_LIMIT = 10_000  # of one cell: an expensive text of this length renders in 0.2 s
SOURCE_LIMIT = 200_000  # characters of one cell of code
PICTURE_LIMIT = 2_000_000  # bytes of one picture
CUT = "\n... (cut: too long)"

SIGNATURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
ANSI_CODE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
TAG_START = re.compile(r"<(?=[A-Za-z/!?])")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
PLAIN = re.compile(r"[^<\[&`$\\]{0,1000}")  # no markup but emphasis and lists of a short text
SAFE_SCHEMES = ("http:", "https:", "mailto:")
# fmt: off
SAFE_TAGS = {
    "a", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4",
    "h5", "h6", "hr", "img", "input", "li", "ol", "p", "pre", "span", "strong", "table", "tbody",
    "td", "th", "thead", "tr", "ul",
}
SAFE_ATTRIBUTES = {
    "alt", "checked", "class", "disabled", "href", "id", "src", "start", "style", "title", "type",
}
# fmt: on
SAFE_PICTURES = tuple(f"data:{mime};base64," for mime in SIGNATURES)


def clean_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return `text` without lone surrogates, ANSI codes and control characters, cut at `limit`."""
    whole = text.encode("utf-8", "replace").decode()
    shown = CONTROL.sub("", ANSI_CODE.sub("", whole[: 2 * limit]))
    shown = shown.replace("\r\n", "\n").replace("\r", "\n")
    return shown if len(shown) <= limit and len(whole) <= 2 * limit else shown[:limit] + CUT


def clean_source(text: str) -> str:
    """Return the source of a code cell as a notebook can hold it: the very text, if it can."""
    whole = text.encode("utf-8", "replace").decode().replace("\0", "")
    return whole if len(whole) <= SOURCE_LIMIT else whole[:SOURCE_LIMIT] + CUT


def clean_picture(text: str, mime: str = "image/png") -> str | None:
    """Return the base64 of a PNG or JPEG as one line, or None where it is not one."""
    if mime not in SIGNATURES or len(text) > 2 * PICTURE_LIMIT:
        return None
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not data.startswith(SIGNATURES[mime]) or len(data) > PICTURE_LIMIT:
        return None
    return base64.b64encode(data).decode()


def clean_attachments(attachments: Any) -> dict[str, dict[str, str]]:
    """Return the PNG and JPEG pictures among a markdown cell's attachments."""
    kept: dict[str, dict[str, str]] = {}
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        for mime, text in bundle.items() if isinstance(bundle, dict) else ():
            picture = clean_picture(text, mime) if isinstance(text, str) else None
            if picture:
                kept[clean_text(str(name), 200)] = {mime: picture}
    return kept


def harmless_markdown(text: str, attachments: dict[str, dict[str, str]] | None = None) -> str:
    """Return markdown that reads like `text` and renders without raw HTML or active links."""
    source = clean_text(text, MARKDOWN_LIMIT)
    if PLAIN.fullmatch(source) or _renders_harmlessly(source, attachments):
        return source
    escaped = TAG_START.sub("&lt;", source)
    if _renders_harmlessly(escaped, attachments):
        return escaped
    literal = "\n".join(f"    {line}" for line in source.splitlines())
    return literal if _renders_harmlessly(literal, None) else "(This text cannot be shown.)"


def _renders_harmlessly(source: str, attachments: dict[str, dict[str, str]] | None) -> bool:
    renderer = _Watcher(attachments)
    try:
        html = MarkdownWithMath(renderer=renderer).render(source)
        audit = _Audit()
        audit.feed(html)
        audit.close()
    except Exception:  # a missing attachment, nesting too deep: the page would fail likewise
        return False
    return not renderer.raw and audit.harmless


class _Watcher(IPythonRenderer):
    """Renders as nbconvert does and remembers whether the author's own HTML went through."""

    def __init__(self, attachments: dict[str, dict[str, str]] | None) -> None:
        super().__init__(escape=False, attachments=attachments or {})
        self.raw = False

    def block_html(self, html: str) -> str:
        self.raw = True
        return ""

    def inline_html(self, html: str) -> str:
        self.raw = True
        return ""

    def block_mermaidjs(self, code: str) -> str:
        self.raw = True
        return ""


class _Audit(HTMLParser):
    """Whether a page has nothing but the tags, attributes and links that markdown makes."""

    def __init__(self) -> None:
        super().__init__()
        self.harmless = True

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attributes}
        if tag not in SAFE_TAGS or not names <= SAFE_ATTRIBUTES:
            self.harmless = False
        for name, value in attributes:
            if name in ("href", "src") and not _is_safe_url(value or "", name):
                self.harmless = False

    def handle_comment(self, data: str) -> None:
        self.harmless = False

    def handle_decl(self, decl: str) -> None:
        self.harmless = False

    def handle_pi(self, data: str) -> None:
        self.harmless = False

    def unknown_decl(self, data: str) -> None:
        self.harmless = False


def _is_safe_url(url: str, attribute: str) -> bool:
    plain = re.sub(r"[\x00-\x20\x7f-\xa0]", "", url).lower()
    if attribute == "src" and plain.startswith(
        tuple(f"data:{mime};base64," for mime in SIGNATURES)
    ):
        return True
    return not SCHEME.match(plain) or plain.startswith(SAFE_SCHEMES)
