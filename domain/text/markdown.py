"""Render Markdown from language models as safe HTML."""

from markdown_it import MarkdownIt

# Without raw HTML, and without images, which would be fetched from arbitrary hosts.
_RENDERER = MarkdownIt("commonmark", {"html": False}).disable(["image"])


def to_html(text: str, shift: int = 0) -> str:
    """Render Markdown; headings are demoted by `shift` levels, to the sixth at most."""
    tokens = _RENDERER.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1:]) + shift)}"
    return str(_RENDERER.renderer.render(tokens, _RENDERER.options, {}))
