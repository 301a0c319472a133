"""Settings: errors name the setting, the documentation is generated, secrets are never shown."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reflector_assets.settings.checks import WrongSettings, unknown
from reflector_assets.settings.main import PROJECT_ROOT, Settings, dagster_folder, get_settings, markdown_page
from testing.deployment import Deployment


@pytest.fixture
def read(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], list[str]]]:
    """Return a function that reads the settings from an environment and returns the problems."""

    def problems(given: dict[str, str]) -> list[str]:
        ours = ("REFLECTOR_", "LLM_", "TRANSCRIPT_", "DAILY")
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(ours)]:
                patch.delenv(name)
            for name, value in {**deployment.environment(), **given}.items():
                patch.setenv(name, value)
            patch.setitem(Settings.model_config, "env_file", given.get("REFLECTOR_ENV_FILE", os.devnull))
            get_settings.cache_clear()
            try:
                get_settings()
            except WrongSettings as error:
                return str(error).splitlines()
            return []

    yield problems
    get_settings.cache_clear()


def test_the_page_is_generated_from_the_settings() -> None:
    assert (PROJECT_ROOT / "docs" / "settings.md").read_text() == markdown_page(), "run `make docs`"


def test_every_setting_is_described() -> None:
    assert all(field.alias and field.description for field in Settings.model_fields.values())


def test_the_example_of_a_setting_is_a_valid_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, field in Settings.model_fields.items():
        if field.examples:
            monkeypatch.setenv(str(field.alias), field.examples[0])
            assert getattr(Settings(), name) not in (None, field.default)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("name", "value", "expects"),
    [
        ("REFLECTOR_REACH", "a while", "none|all"),
        ("LLM_REQUEST_TIMEOUT", "-1", "greater than 0"),
        ("REFLECTOR_PORT", "http", "a valid integer"),
        ("TRANSCRIPT_BACKEND", "abacus", "'whisper', 'modal' or 'openai'"),
        ("REFLECTOR_STEP_TIMEOUTS", "{not json", "must be JSON"),
        ("REFLECTOR_STEP_TIMEOUTS", '{"title": "soon"}', "title: it must be a valid number"),
        ("LLM_URL", "llm.example.com/v1", "http or https URL"),
        ("LLM_URL", "http://[half", "http or https URL"),
        ("TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL", "s3://minio", "http or https URL"),
        ("DATABASE_URL", "mysql://user:pass-word@host/db", "PostgreSQL or SQLite"),
        ("REFLECTOR_CELERY_BROKER", "amqp://user:pass-word@host", "redis or rediss URL"),
        ("DAILY_WEBHOOK_SECRET", "pass-word", "must be base64"),
        ("REFLECTOR_PREVIOUS_DAILY_WEBHOOK_SECRET", "pass-word", "must be base64"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(
    read: Callable[..., list[str]], name: str, value: str, expects: str
) -> None:
    [problem] = read({name: value})
    assert problem.startswith(f"{name}: ")
    assert expects in problem
    assert f"for example {name}=" in problem or "openssl" in problem
    assert "pass-word" not in problem


@pytest.mark.parametrize(
    ("given", "missing", "value"),
    [
        ({"TRANSCRIPT_BACKEND": "modal"}, "TRANSCRIPT_URL", "https://gpu.example.com"),
        ({"TRANSCRIPT_BACKEND": "openai"}, "TRANSCRIPT_URL", "https://gpu.example.com"),
        ({"TRANSCRIPT_STORAGE_BACKEND": "aws"}, "TRANSCRIPT_STORAGE_AWS_BUCKET_NAME", "results"),
        ({"REFLECTOR_EXECUTOR": "celery"}, "REFLECTOR_CELERY_BROKER", "redis://localhost"),
        ({"TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID": "pass-word"}, "TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY", "secret"),
        ({"DAILYCO_STORAGE_AWS_SECRET_ACCESS_KEY": "pass-word"}, "DAILYCO_STORAGE_AWS_ACCESS_KEY_ID", "key"),
    ],
)
def test_a_setting_that_another_one_needs_is_named(
    read: Callable[..., list[str]], given: dict[str, str], missing: str, value: str
) -> None:
    [problem] = read(given)
    assert problem.startswith(f"{missing} is missing: {next(iter(given))}")
    assert "pass-word" not in problem
    assert not read({**given, missing: value})


OTHERS = {
    "DATABASE_URL": "postgresql://user:pass-word@host/reflector",
    "UI_BASE_URL": "https://old.example.com",
    "PUBLIC_MODE": "true",
    "PUBLIC_DATA_RETENTION_DAYS": "7",
}


def test_settings_with_another_meaning_in_the_old_system_must_be_confirmed(read: Callable[..., list[str]]) -> None:
    assert not read(OTHERS)
    beside = {**OTHERS, "REFLECTOR_OLD_URL": "https://old.example.com"}
    problems = read(beside)
    assert [problem.split()[0] for problem in problems] == list(OTHERS)
    assert all("REFLECTOR_CONFIRMED_SETTINGS" in problem for problem in problems)
    assert "pass-word" not in "".join(problems)
    [left] = read({**beside, "REFLECTOR_CONFIRMED_SETTINGS": "DATABASE_URL, UI_BASE_URL,PUBLIC_MODE"})
    assert left.startswith("PUBLIC_DATA_RETENTION_DAYS means")
    assert not read({**beside, "REFLECTOR_CONFIRMED_SETTINGS": ",".join(OTHERS)})
    [wrong] = read({"REFLECTOR_CONFIRMED_SETTINGS": "LLM_URL"})
    assert "LLM_URL: it must be of DATABASE_URL" in wrong


def test_a_problem_caused_by_a_wrong_setting_is_not_reported(read: Callable[..., list[str]]) -> None:
    [problem] = read({"TRANSCRIPT_BACKEND": "modal", "TRANSCRIPT_URL": "nowhere"})
    assert problem.startswith("TRANSCRIPT_URL: ")


def test_a_misspelt_name_is_reported_with_the_most_similar_setting(
    read: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert read({"REFLECTOR_DATA_DIRR": "x"}) == [
        "REFLECTOR_DATA_DIRR isn't a setting; did you mean REFLECTOR_DATA_DIR?"
    ]
    file = tmp_path / "env"
    file.write_text("# comment\nREFLECTOR_LANGUAGES=de\nexport REFLECTOR_GPU_STEPS=2\nREFLECTOR_HOSTS=\n")
    [problem] = read({"REFLECTOR_ENV_FILE": str(file)})
    assert "did you mean REFLECTOR_LANGUAGE" in problem
    # Empty; not similar to any setting; in lower case.
    assert not read({"REFLECTOR_HOSTS": "", "REFLECTOR_KILL_SEED": "1", "reflector_data_dir": str(tmp_path)})


def test_service_variables_of_kubernetes_are_not_misspelt_settings() -> None:
    service = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_80_TCP", "PORT_80_TCP_ADDR"]
    names = [f"REFLECTOR_TRIAL_{name}" for name in service]
    assert list(unknown([*names, "REFLECTOR_TRAIL"], ["REFLECTOR_TRIAL"])) == [("REFLECTOR_TRAIL", "REFLECTOR_TRIAL")]


def test_every_program_reports_all_problems_at_once(deployment: Deployment) -> None:
    deployment.env |= {
        "LLM_REQUEST_TIMEOUT": "soon",
        "REFLECTOR_STEP_TIMEOUTS": "{",
        "TRANSCRIPT_STORAGE_BACKEND": "aws",
        "REFLECTOR_LANGUGE": "de",
        "DAILY_WEBHOOK_SECRET": "pass-word",
    }
    named = ["LLM_REQUEST_TIMEOUT", "DAILY_WEBHOOK_SECRET", "REFLECTOR_STEP_TIMEOUTS"]
    named += ["TRANSCRIPT_STORAGE_AWS_BUCKET_NAME", "REFLECTOR_LANGUGE"]
    for command in (["run", "anything"], ["list", "--json"], ["serve"]):
        done = deployment.reflector(*command)
        assert done.returncode == 1
        assert [re.split("[: ]+", line)[1] for line in done.stderr.splitlines()] == named, done.stderr
        assert not done.stdout
    code_server = deployment.run_quickly("dagster", "asset", "list", "-m", "reflector_assets.definitions")
    assert code_server.returncode == 1
    assert [name for name in named if name in code_server.stderr] == named
    assert "pass-word" not in code_server.stderr + code_server.stdout


def test_a_time_limit_of_an_unknown_step_is_reported(deployment: Deployment) -> None:
    deployment.env["REFLECTOR_STEP_TIMEOUTS"] = '{"transcribe_trak": 5}'
    done = deployment.reflector("run", "anything")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "transcribe_trak" in line


@pytest.mark.slow
def test_dagster_does_not_show_secrets(deployment: Deployment) -> None:
    """Dagster's pages show the configuration of resources, where a secret appears as its variable's name."""
    deployment.env |= {
        "LLM_URL": "http://127.0.0.1:9/v1",
        "LLM_API_KEY": "sk-llm-secret",
        "TRANSCRIPT_BACKEND": "modal",
        "TRANSCRIPT_URL": "http://127.0.0.1:9",
        "TRANSCRIPT_MODAL_API_KEY": "gpu-secret",
    }
    code = (
        "from reflector_assets.definitions import defs\n"
        "from reflector_assets.settings.main import get_settings\n"
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


def test_dagsters_history_is_beside_the_results_unless_an_earlier_version_has_it_elsewhere(tmp_path: Path) -> None:
    data, project = tmp_path / "data", tmp_path / "project"
    earlier = project / ".reflector" / "dagster"
    assert dagster_folder(data, project) == data / "dagster"
    (earlier / "history" / "runs").mkdir(parents=True)
    (earlier / "history" / "runs" / "index.db").touch()
    assert dagster_folder(data, project) == data / "dagster"
    (earlier / "history" / "runs" / "5c0f0a52-5d7e-4a5a-9d2b-3f2f1ad1c0de.db").touch()
    assert dagster_folder(data, project) == earlier
    assert dagster_folder(project / ".reflector", project) == earlier
    # This history belongs to results in the same folder.
    (project / ".reflector" / "recordings").mkdir()
    assert dagster_folder(data, project) == data / "dagster"
    (project / ".reflector" / "recordings").rmdir()
    # Somebody moved it.
    (data / "dagster").mkdir(parents=True)
    assert dagster_folder(data, project) == data / "dagster"
