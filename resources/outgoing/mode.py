"""Whether results leave this deployment, and what they say of it."""

from typing import Literal

from dagster import ConfigurableResource


class OutgoingMode(ConfigurableResource):
    """The deployment's mode, the base URL of transcript pages, and the language where a room sets none."""

    mode: Literal["off", "shadow", "live"] = "live"
    page_url: str
    language: str = "en"

    def reason_held_back(self) -> str | None:
        """Say why nothing leaves; None when it does."""
        return None if self.mode == "live" else f"REFLECTOR_MODE is {self.mode}: nothing leaves"
