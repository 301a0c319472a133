"""Whether this deployment sends results to others, and the settings that go into them."""

from typing import Any, Literal

from dagster import ConfigurableResource


class OutgoingMode(ConfigurableResource[Any]):
    """The deployment's mode, the base URL of transcript pages, and the default language of rooms."""

    mode: Literal["off", "shadow", "live"] = "live"
    page_url: str
    language: str = "en"
    webhook_format: Literal["standard", "reflector"] = "standard"

    def reason_held_back(self) -> str | None:
        """Return why nothing is sent; None in live mode."""
        return None if self.mode == "live" else f"REFLECTOR_MODE is {self.mode}: nothing leaves"
