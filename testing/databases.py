"""The product's SQLite databases with all their tables: to copy one takes a fraction of the time of its migrations."""

# pyright: basic

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from resources.database.database import Database


@cache
def _empty() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="product-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database(url=f"sqlite:///{folder / 'reflector.db'}")
    database.empty_log()
    database.engine.dispose()
    return folder / "reflector.db"


def with_tables(url: str) -> str:
    """Make the tables of a database if it is one of SQLite; return its URL."""
    path = url.removeprefix("sqlite:///")
    return url if path == url else migrated(Path(path))


def migrated(path: Path) -> str:
    """Make an empty database of this version at a path, unless there is one; return its URL."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_empty(), path)
    return f"sqlite:///{path}"
