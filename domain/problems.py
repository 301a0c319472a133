"""Pydantic's messages in the words of a user."""

# Parts of messages, and what they become behind the name of a field.
WORDINGS = (
    ("Value error, ", ""),
    ("Field required", "it is missing"),
    ("Extra inputs are not permitted", "there is no such field"),
    ("String should have at least 1 character", "it must not be empty"),
    ("Tuple should have at least 1 item after validation, not 0", "it must not be empty"),
    ("Input should be a valid dictionary or instance of", "it must be a JSON object, a"),
    ("Input should be a valid", "it must be a valid"),
    ("Input should be", "it must be"),
    ("String should match", "it must match"),
    ("String should have", "it must have"),
    ("Tuple should have", "it must have"),
)


def plain(message: str) -> str:
    """Return a message of Pydantic's as it follows the name of a field."""
    for before, after in WORDINGS:
        message = message.replace(before, after)
    return message
