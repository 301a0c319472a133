"""Lists of commands fit the terminal, and a pipe gets all of them."""

from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reflector_assets.cli.output import Row, print_rows

ID = "8f1e2d3c-aaaa-bbbb-cccc-123456789012"
NAMES = ["ID", "State", "Room", "Title"]
TEXTS = st.text(st.characters(categories=("L", "N", "P", "Zs"), exclude_characters="\u00ad"), max_size=60)


def shown(rows: list[Row], width: int | None) -> list[str]:
    """Return the lines that are printed on a terminal of a width, or to a pipe."""
    file = StringIO()
    console = Console(file=file, width=width or 80, force_terminal=width is not None, no_color=True, color_system=None)
    print_rows(NAMES, rows, 2, console=console)
    return [line.rstrip() for line in file.getvalue().splitlines()]


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5), st.integers(60, 120))
def test_a_row_is_one_line_of_the_terminal(texts: list[tuple[str, str]], width: int) -> None:
    lines = shown([Row([ID, "processing", *cells]) for cells in texts], width)
    assert len(lines) == len(texts) + 1
    assert all(cell_len(line) <= width for line in lines)
    assert all(line.startswith(f"{ID}  processing") for line in lines[1:])


def test_one_long_id_leaves_the_other_rows_as_they_are() -> None:
    cells = ["processing", "weekly", "Title"]
    lines = shown([Row([ID, *cells]), Row(["x" * 260, *cells])], 80)
    assert lines[0].split() == NAMES
    assert lines[1].split() == [ID, *cells]
    assert lines[2].startswith(f"{'x' * 260}  processing")


def test_a_note_is_wrapped_between_words_below_its_row() -> None:
    reason = "summary: the LLM at https://llm.example.com/v1 answered 401 [bold]. Check LLM_API_KEY, then run it again."
    lines = shown([Row([ID, "error", "weekly-20260323080000", "A long title of a meeting"], reason)], 80)
    assert lines[1].endswith("…")
    assert " ".join(" ".join(lines[2:]).split()) == reason
    assert all(line.startswith("  ") and len(line) <= 80 for line in lines[2:])


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5), TEXTS)
def test_a_pipe_gets_everything(texts: list[tuple[str, str]], note: str) -> None:
    lines = shown([Row([ID, "error", *cells], note or None) for cells in texts], None)
    assert len(lines) == 1 + len(texts) * (2 if note else 1)
    for row, cells in zip(lines[1 :: 2 if note else 1], texts, strict=True):
        assert all(" ".join(cell.split()) in row for cell in cells)
