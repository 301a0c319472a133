"""`reflector delete`: it asks first, names what stays, and its exit code says whether all is gone."""

from testing.deployment import SAMPLE, SAMPLE_ID, Deployment


def test_the_command(deployment: Deployment) -> None:
    unknown = deployment.reflector("delete", SAMPLE_ID, "--yes")
    assert (unknown.returncode, "there is no such recording" in unknown.stderr) == (1, True)
    assert deployment.reflector("import", str(SAMPLE)).returncode == 0
    asked = deployment.reflector("delete", SAMPLE_ID)
    assert (asked.returncode, asked.stdout.strip()) == (1, "")
    assert f"Delete {SAMPLE_ID} for good?" in asked.stderr
    assert (deployment.folder(SAMPLE_ID) / "source" / "recording.json").exists()

    done = deployment.reflector("delete", SAMPLE_ID, "--yes")
    assert done.returncode == 0, done.stderr
    assert f"{SAMPLE_ID} was deleted" in done.stdout
    assert "backups" in done.stdout
    assert not [path for path in deployment.folder(SAMPLE_ID).rglob("*") if path.is_file()]

    again = deployment.json("delete", SAMPLE_ID, "--yes")
    assert (again["id"], again["not_deleted"]) == (SAMPLE_ID, [])
    refused = deployment.reflector("import", str(SAMPLE))
    assert (refused.returncode, "deleted on request" in refused.stderr) == (1, True)
