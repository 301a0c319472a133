"""Plain text from a meeting or a model, in which nothing is a link, a mention or markup where it is read."""

import re

# Invisible; breaks up what would be taken for markup.
ZWSP = "\u200b"
_TAGS = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
# [text](address) and ![text](address), of which the text stays.
_LINKED = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s[^()]*)?\)")
_SCHEME = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}):(?=//)|\b(mailto|javascript|data|tel):|\b(www)\.")
# At the beginning of a word: "@all", "@**all**", "@channel"; not in an address.
_MENTION = re.compile(r"(?<![\w.+-])([@＠])(?=[\w*_|])")
# Slack's "<!channel>" and "<@U12>".
_ANGLE = re.compile(r"<(?=[!@#])")


def inert(text: str) -> str:
    """Return a text without tags and Markdown links, and with its bare URLs and mentions broken up; idempotent."""
    return unmentioned(unlinked(_LINKED.sub(r"\1", _TAGS.sub("", text))))


def unlinked(text: str) -> str:
    """Break up bare URLs, which renderers would make links."""
    return _SCHEME.sub(lambda found: f"{found[0][:-1]}{ZWSP}{found[0][-1]}", text)


def unmentioned(text: str) -> str:
    """Break up mentions of users and groups, as chat programs read them."""
    return _ANGLE.sub(f"<{ZWSP}", _MENTION.sub(rf"\1{ZWSP}", text))
