"""Markdown of language models as HTML that is safe to show."""

from markdown_it import MarkdownIt

# No HTML of its own, and no images: they would be fetched from wherever the text says.
_READER = MarkdownIt("commonmark", {"html": False}).disable(["image"])


def to_html(text: str, shift: int = 0) -> str:
    """Render Markdown; headings go `shift` levels down, to the sixth at most."""
    tokens = _READER.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1:]) + shift)}"
    return str(_READER.renderer.render(tokens, _READER.options, {}))
