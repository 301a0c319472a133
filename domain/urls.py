"""URLs that room owners give: one check, when a URL is stored and when it is used."""

import re
from typing import NamedTuple

from pydantic import AnyHttpUrl, TypeAdapter, ValidationError

from domain.errors import InvalidInput

LONGEST = 2000
# A name in ASCII, or an IPv6 address. The parser writes other scripts and IPv4 addresses in their one plain form.
_HOST = re.compile(r"(?=.{1,254}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?|\[[0-9a-f:.]+\]")
_url = TypeAdapter(AnyHttpUrl)


class CheckedUrl(NamedTuple):
    """A valid http or https URL in ASCII, as it is stored and used."""

    text: str
    scheme: str


def check_url(text: str, longest: int = LONGEST) -> CheckedUrl:
    """Return the URL in the form in which it is stored and used; a returned form stays the same.

    Raises InvalidInput without the URL in its message.
    """
    try:
        parsed = _url.validate_python(text)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]["msg"]
        raise InvalidInput(f"the URL is not valid: {problem}") from None
    if len(str(parsed)) > longest:
        raise InvalidInput(f"the URL is longer than {longest} characters")
    if parsed.username or parsed.password:
        raise InvalidInput("the URL contains a user or a password", hint="Sign webhooks with a secret instead.")
    if not _HOST.fullmatch(parsed.host or "") or parsed.port == 0:
        raise InvalidInput("the URL has no valid host or port")
    return CheckedUrl(str(parsed), parsed.scheme)
