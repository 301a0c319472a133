"""The import contracts of pyproject.toml, and what they can't express."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from resources.database.database import MIGRATIONS

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("domain", "reflector_assets", "resources", "sensors", "service")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--config", "pyproject.toml", "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_imports_keep_the_contracts() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "code", "complaint"),
    [
        ("domain/recording.py", "import resources.store.base", "domain.recording -> resources.store.base"),
        ("resources/usage.py", "import testing.deployment", "resources.usage -> testing.deployment"),
        ("reflector_assets/unplaced.py", "", "unplaced"),
        ("reflector_assets/tags.py", "import service.app", "reflector_assets.tags -> service.app"),
        (
            "domain/text/search.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import domain.text.captions",
            "",
        ),
    ],
)
def test_a_broken_contract_is_reported(tmp_path: Path, module: str, code: str, complaint: str) -> None:
    """Run the contracts on a copy with one wrong module."""
    for package in (*PRODUCT, "testing"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    if not complaint:
        # Two modules that import each other, one of them for types only.
        with (tmp_path / "domain/text/captions.py").open("a") as file:
            file.write("\nimport domain.text.search\n")
        complaint = "No cycles are allowed in domain.text"
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{code}\n")
    done = lint_imports(tmp_path)
    assert done.returncode != 0
    assert complaint in re.sub(r"\s+", " ", done.stdout)


def test_every_package_is_under_the_contracts() -> None:
    roots = re.search(r"root_packages = \[(.*)\]", (ROOT / "pyproject.toml").read_text())
    assert roots is not None
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert packages == set(re.findall(r"\w+", roots[1]))


def test_migrations_follow_each_other() -> None:
    assert len(ScriptDirectory(str(MIGRATIONS)).get_heads()) == 1


def test_one_package_uses_private_parts_of_dagster() -> None:
    sources = [path for package in PRODUCT for path in sorted((ROOT / package).rglob("*.py"))]
    private = re.compile(r"^\s*(?:from|import) dagster\w*(?:\._|.* import .*\b_)", re.M)
    assert {path.parent.name for path in sources if private.search(path.read_text())} == {"dagster_internals"}


def test_files_stay_short_and_packages_small() -> None:
    sources = [path for path in ROOT.glob("*/**/*.py") if ".venv" not in path.parts]
    long = [str(path) for path in sources if len(path.read_text().splitlines()) > 350]
    assert long == []
    assert len(list((ROOT / "reflector_assets").glob("*.py"))) <= 18
    assert len(list((ROOT / "resources").glob("*.py"))) <= 8
