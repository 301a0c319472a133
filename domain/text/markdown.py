"""Markdown from language models, made safe wherever it goes: pages, exports, Dagster's metadata, messages, webhooks.

What a model writes can repeat what somebody said: no HTML, image or link of it may reach a reader, nor text that takes
long to render.
"""

import html
import re

from markdown_it import MarkdownIt

from domain.text.inert import unlinked

# Summaries have some thousand characters. The time of rendering can grow with the square of the length.
LONGEST = 20_000
# Nested further, quotes and lists take time and are nobody's summary.
_NESTED = re.compile(r"^((?:[ \t]*(?:>|[-+*]|\d{1,9}[.)])(?=[ \t>]|$)){4})[ \t]*[^\n]*", re.MULTILINE)
_RUN = re.compile(r"([*_~`#=\\&!|$-])\1{9,}")
_BRACKET = re.compile(r"(\\*)\[")
_SPECIAL = re.compile(r"([\\`*_\[\]#~|])")
_WITHOUT = ["image", "link", "autolink", "reference"]
_RENDERER = MarkdownIt("commonmark", {"html": False, "maxNesting": 10}).disable(_WITHOUT)


def safe(text: str) -> str:
    """Return Markdown with its headings, lists and emphasis, but without HTML, images, links, and bare URLs.

    Longer texts are cut; deep nesting and long runs of one sign are shortened.
    """
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    text = _RUN.sub(lambda run: run[0][:9], _NESTED.sub("", text))
    return unlinked(_BRACKET.sub(_escaped, text.replace("<", "&lt;")))


def _escaped(found: re.Match[str]) -> str:
    """Escape a bracket, unless the backslashes before it do."""
    return found[0] if len(found[1]) % 2 else f"{found[1]}\\["


def escape(line: str) -> str:
    """Return one line of plain text as Markdown that renders as it is, without links."""
    return unlinked(_SPECIAL.sub(r"\\\1", html.escape(line, quote=False)))


def to_html(text: str, shift: int = 0) -> str:
    """Render a model's Markdown; headings are demoted by `shift` levels, to the sixth at most."""
    tokens = _RENDERER.parse(safe(text))
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1:]) + shift)}"
    return str(_RENDERER.renderer.render(tokens, _RENDERER.options, {}))
