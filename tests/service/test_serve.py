"""When `reflector serve` starts and when it refuses to, and what it says then."""

import pytest

from testing.deployment import SAMPLE, Deployment
from testing.parts.receiver import OTHER_SECRET, SECRET, Receiver

pytestmark = pytest.mark.slow(8)

PASSWORD = "hush-nobody-knows"


@pytest.mark.parametrize(
    ("env", "arguments", "named"),
    [
        ({}, (), "DAILY_WEBHOOK_SECRET"),
        ({}, ("--trial", "--host", "0.0.0.0"), "this machine only"),
        ({"REFLECTOR_API_TOKEN": "a" * 19}, (), "REFLECTOR_API_TOKEN"),
        ({"REFLECTOR_API_TOKEN": "with a blank, and long enough"}, (), "REFLECTOR_API_TOKEN"),
        ({"REFLECTOR_TRIAL": "1", "REFLECTOR_HOST": "::"}, (), "this machine only"),
        ({"DAILY_WEBHOOK_SECRET": PASSWORD}, (), "DAILY_WEBHOOK_SECRET"),
        (
            {"DAILY_WEBHOOK_SECRET": SECRET, "REFLECTOR_PREVIOUS_DAILY_WEBHOOK_SECRET": f"{OTHER_SECRET}{PASSWORD}"},
            (),
            "REFLECTOR_PREVIOUS_DAILY_WEBHOOK_SECRET",
        ),
        (
            {"DAILY_WEBHOOK_SECRET": SECRET, "DATABASE_URL": f"mysql://user:{PASSWORD}@host/reflector"},
            (),
            "DATABASE_URL",
        ),
    ],
    ids=[
        "no secret",
        "trial for all",
        "short token",
        "token with blanks",
        "trial for all by settings",
        "no base64",
        "second no base64",
        "database",
    ],
)
def test_it_refuses_to_start_and_names_the_setting(
    deployment: Deployment, env: dict[str, str], arguments: tuple[str, ...], named: str
) -> None:
    deployment.env |= env
    done = deployment.reflector("serve", "--port", "0", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("reflector: ")
    assert named in done.stderr
    for secret in (PASSWORD, SECRET, OTHER_SECRET):
        assert secret not in done.stderr


def test_a_trial_takes_unsigned_webhooks_and_needs_no_token(deployment: Deployment) -> None:
    with Receiver(deployment, "--trial", "--host", "127.0.0.1") as receiver:
        assert receiver.post(b'{"type": "any", "id": "unsigned"}', None).status_code == 200
        assert receiver.client.put(f"{receiver.url}/v1/rooms/weekly", json={"language": "de"}).status_code == 200
        assert [item["event_type"] for item in deployment.json("inbox", "list")] == ["any"]


def test_a_trial_with_a_secret_still_checks_signatures(deployment: Deployment) -> None:
    deployment.env |= {"DAILY_WEBHOOK_SECRET": SECRET, "REFLECTOR_TRIAL": "1"}
    with Receiver(deployment) as receiver:
        assert receiver.post(b'{"type": "any"}', None).status_code == 401
        assert receiver.post(b'{"type": "any"}').status_code == 200


def test_the_data_is_for_this_user_only(deployment: Deployment) -> None:
    deployment.env |= {"DAILY_WEBHOOK_SECRET": SECRET, "REFLECTOR_DATA_DIR": str(deployment.home / "new")}
    with Receiver(deployment) as receiver:
        assert receiver.post(b'{"type": "any"}').status_code == 200
    done = deployment.reflector("import", str(SAMPLE))
    assert done.returncode == 0, done.stderr
    made = list((deployment.home / "new").rglob("*"))
    assert len(made) > 10
    assert [path for path in made if path.stat().st_mode & 0o077] == []
