"""The house: which package may import which."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def lint_imports(config: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--config", config, "--no-cache"], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_imports_go_one_way() -> None:
    done = lint_imports(ROOT / "pyproject.toml")
    assert done.returncode == 0, done.stdout


def test_a_wrong_import_would_be_noticed(tmp_path: Path) -> None:
    """The same contracts over a copy in which the domain reaches for a resource."""
    for package in ("reflector_assets", "resources", "sensors", "service"):
        for source in (ROOT / package).rglob("*.py"):
            target = tmp_path / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text())
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    with (tmp_path / "domain/recording.py").open("a") as file:
        file.write("\nimport resources.store.base\n")
    done = lint_imports(tmp_path / "pyproject.toml", cwd=tmp_path)
    assert done.returncode != 0
    assert "domain.recording -> resources.store.base" in done.stdout


def test_one_module_uses_what_dagster_keeps_to_itself() -> None:
    """Dagster's Celery executor has no public way to hook in; the tests of the executor notice when that changes."""
    sources = [
        path for package in ("reflector_assets", "resources", "sensors", "service") for path in _sources(package)
    ]
    private = [path for path in sources if re.search(r"^\s*(?:from|import) dagster\._", path.read_text(), re.M)]
    assert [path.name for path in private] == ["distributed.py"]


def _sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))
