"""Students' text cannot act in a page that somebody else opens, and plain text stays as it is."""

import base64
import time

import pytest
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.harmless import (
    CUT,
    clean_attachments,
    clean_picture,
    clean_source,
    clean_text,
    harmless_markdown,
)

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff" + bytes(20)).decode()
PLAIN = [
    "IoU is **shared** area over the union, so a < b and $x<y$ stay.",
    "```python\nif a<b: swap[int]\n```\n\n1. `List<int>`\n2. [link](https://arxiv.org/abs/1311.2524)",
    "| a | b |\n|:--|--:|\n| 1 | 2 |\n\n- [x] done\n\n# Heading\n\n> quoted",
]
ACTIVE = [
    "<script>hit()</script>",
    "text <img src=x onerror=hit()> text",
    "<svg onload=hit()>",
    "<!-- --><b>x</b>",
    "<style>*{display:none}</style>",
    "<iframe src=https://example.org></iframe>",
    "[a](javascript:hit())",
    "[a](JaVaScRiPt\\:hit())",
    "[a][b]\n\n[b]: javascript:hit()",
    "![a](vbscript:hit())",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](file:///etc/passwd)",
    "```mermaid\n<img src=x onerror=hit()>\n```",
    "<javascript:hit()>",
    "\\begin{a}<script>hit()</script>\\end{a} <script>hit()</script>",
]


def render(source: str, attachments: dict[str, dict[str, str]] | None = None) -> str:
    """Return what nbconvert makes of markdown, in feedback and in formgrader."""
    renderer = IPythonRenderer(escape=False, attachments=attachments or {})
    html: str = MarkdownWithMath(renderer=renderer).render(source)
    return html


@pytest.mark.parametrize("source", PLAIN)
def test_markdown_without_html_stays_as_it_is(source: str) -> None:
    assert harmless_markdown(source) == source


@pytest.mark.parametrize("source", ACTIVE)
def test_markdown_that_would_act_renders_as_text(source: str) -> None:
    before, after = render(source), render(harmless_markdown(source))
    acting = ("<script", "<img", "<svg", "<!--", "<style", "<iframe", "<b>", 'href="javascript',
              'href="JaVaScRiPt', 'src="vbscript', 'href="data:', 'href="file:')  # fmt: skip
    assert any(mark in before for mark in acting)
    assert not any(mark in after for mark in acting)
    assert "hit()" not in before or "hit()" in after


@pytest.mark.parametrize("source", ["![a](attachment:gone.png)", "![a](attachment\\:gone.png)"])
def test_a_missing_attachment_cannot_stop_the_page(source: str) -> None:
    with pytest.raises(Exception, match="missing attachment"):
        render(source)
    assert "gone.png" in render(harmless_markdown(source))


def test_an_attached_picture_is_shown() -> None:
    attachments = clean_attachments({"a.png": {"image/png": PNG}})
    source = harmless_markdown("![a](attachment:a.png)", attachments)
    assert f"data:image/png;base64,{PNG}" in render(source, attachments)


def test_only_png_and_jpeg_are_kept_of_attachments() -> None:
    attachments = {
        "a.png": {"image/png": PNG},
        "b.jpg": {"image/jpeg": JPEG},
        "c.svg": {"image/svg+xml": "<svg onload=hit()>"},
        "d.png": {"image/png": f'{PNG}" onerror="hit()'},
        "e.png": {"image/png": JPEG},
        "f": "text",
    }
    assert clean_attachments(attachments) == {
        "a.png": {"image/png": PNG},
        "b.jpg": {"image/jpeg": JPEG},
    }
    assert clean_attachments([1]) == {}


def test_text_loses_ansi_codes_surrogates_and_control_characters() -> None:
    assert clean_text("\x1b[31mred\x1b[0m\r\n\x00\x07a\ud800b\x1b]0;title\x07c") == "red\na?bc"


def test_long_text_is_cut() -> None:
    assert clean_text("a" * 50, limit=10) == "a" * 10 + CUT
    assert clean_source("a" * 300_000).endswith(CUT)
    assert clean_source("a\ud800\0\x0cb") == "a?\x0cb"


def test_a_picture_is_one_line_of_base64_or_nothing() -> None:
    assert clean_picture(PNG[:8] + "\n" + PNG[8:]) == PNG
    assert clean_picture("not base64!") is None
    assert clean_picture(base64.b64encode(b"<svg>").decode()) is None
    assert clean_picture(PNG, "image/svg+xml") is None


@pytest.mark.parametrize(
    "source", ["\\begin{a}" * 9000, "> " * 9000, "*a" * 9000, "[](" * 9000, "<a " * 9000]
)
def test_an_expensive_text_costs_little(source: str) -> None:
    start = time.process_time()
    harmless_markdown(source)
    assert time.process_time() - start < 5
