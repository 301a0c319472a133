"""Just enough EBML to detect truncated WebM files (RFC 8794; element names from RFC 9559)."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

HEADER = b"\x1a\x45\xdf\xa3"
SEGMENT, TRACKS, TRACK_ENTRY, TRACK_TYPE = 0x18538067, 0x1654AE6B, 0xAE, 0x83
CLUSTER, SIMPLE_BLOCK, BLOCK_GROUP = 0x1F43B675, 0xA3, 0xA0
AUDIO = 2


class Element(NamedTuple):
    """One element: its id, and the offset and size of its body in bytes."""

    id: int
    start: int
    size: int


def elements(file: BinaryIO, start: int, end: int) -> Iterator[Element]:
    """Yield the elements between two offsets as a flat list; raise EOFError at a truncated or invalid one.

    The segment, its tracks and its clusters are descended into; all other bodies are skipped.
    """
    while start < end:
        file.seek(start)
        head = file.read(12)
        id_bytes = 9 - head[0].bit_length()
        if id_bytes > 4 or len(head) <= id_bytes:
            raise EOFError
        size_bytes = 9 - head[id_bytes].bit_length()
        body = start + id_bytes + size_bytes
        if size_bytes > 8 or body > end:
            raise EOFError
        element = int.from_bytes(head[:id_bytes], "big")
        unknown = (1 << 7 * size_bytes) - 1
        size = int.from_bytes(head[id_bytes : id_bytes + size_bytes], "big") & unknown
        inside = element == SEGMENT or size == unknown
        if not inside and body + size > end:
            raise EOFError
        yield Element(element, body, size)
        start = body if inside or element in (TRACKS, TRACK_ENTRY, CLUSTER) else body + size


def is_truncated_after(path: Path, block: int, size: int) -> bool:
    """Return True if the file is truncated after its last block.

    `block` is the offset of that block's body, `size` the size of its frame. Laced frames are not supported.
    """
    with path.open("rb") as file:
        file.seek(block + 3)
        flags = file.read(1)
        if not flags or flags[0] & 6:
            return False
        try:
            for _ in elements(file, block + 4 + size, path.stat().st_size):
                pass
        except EOFError:
            return True
    return False


def declares_audio(path: Path) -> bool:
    """Return True if the track list of a WebM or Matroska file has an audio track."""
    return any(element.id == TRACK_TYPE and body == bytes([AUDIO]) for element, body in _readable(path))


def has_blocks(path: Path) -> bool:
    """Return True if the file has a block of any track."""
    return any(element.id in (SIMPLE_BLOCK, BLOCK_GROUP) for element, _ in _readable(path))


def _readable(path: Path) -> Iterator[tuple[Element, bytes]]:
    """Yield the complete elements of a file and the first bytes of each body, up to where it is truncated."""
    with path.open("rb") as file:
        try:
            for element in elements(file, 0, path.stat().st_size):
                file.seek(element.start)
                yield element, file.read(min(element.size, 8))
        except EOFError:
            return
