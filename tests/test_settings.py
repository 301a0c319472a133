"""Settings: named when wrong, documented once, never shown when secret."""

import subprocess
import sys

import pytest

from reflector_assets.settings import PROJECT_ROOT, Settings, markdown_page
from tests.conftest import Deployment


def test_the_page_is_generated_from_the_settings() -> None:
    assert (PROJECT_ROOT / "docs" / "settings.md").read_text() == markdown_page(), "run `make docs`"


def test_every_setting_is_described() -> None:
    assert all(field.alias and field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REFLECTOR_REACH", "a while"),
        ("LLM_REQUEST_TIMEOUT", "-1"),
        ("TRANSCRIPT_BACKEND", "abacus"),
        ("REFLECTOR_STEP_TIMEOUTS", '{"transcribe_trak": 5}'),
        ("REFLECTOR_STEP_TIMEOUTS", "{not json"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(deployment: Deployment, name: str, value: str) -> None:
    deployment.env[name] = value
    done = deployment.reflector("run", "anything")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("reflector: ")]
    assert name in line
    assert "Traceback" not in done.stderr


def test_a_backend_without_its_url_is_named(deployment: Deployment) -> None:
    deployment.env["TRANSCRIPT_BACKEND"] = "modal"
    assert "TRANSCRIPT_URL is missing" in deployment.reflector("run", "anything").stderr


def test_secrets_are_not_among_what_dagster_shows(deployment: Deployment) -> None:
    """Dagster's pages show the configuration of resources: a secret stands there by its variable's name."""
    deployment.env |= {
        "LLM_URL": "http://127.0.0.1:9/v1",
        "LLM_API_KEY": "sk-llm-secret",
        "TRANSCRIPT_BACKEND": "modal",
        "TRANSCRIPT_URL": "http://127.0.0.1:9",
        "TRANSCRIPT_MODAL_API_KEY": "gpu-secret",
    }
    code = (
        "from reflector_assets.definitions import defs\n"
        "from reflector_assets.settings import get_settings\n"
        "print(repr(get_settings()))\n"
        "for name, resource in defs.resources.items():\n"
        "    print(name, repr(resource), getattr(resource, '_config_schema', None), dict(resource))\n"
        "    print(resource.get_resource_definition().config_schema.default_value)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        env=deployment.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "understanding" in done.stdout
    assert "sk-llm-secret" not in done.stdout + done.stderr
    assert "gpu-secret" not in done.stdout + done.stderr
