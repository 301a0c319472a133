"""The end of Dagster's code server, for ticks that wait in one of its threads."""

import threading
import time

# Runs as long as the server accepts work, in every code server and nowhere else.
CLEANUP_THREAD = "grpc-server-cleanup"
_servers: list[threading.Thread] = []


def pause(seconds: float) -> bool:
    """Sleep and return True; if this process is a code server that is stopped, return False at once."""
    if not _servers:
        # Kept: between two pauses, the thread can end.
        _servers.extend(thread for thread in threading.enumerate() if thread.name == CLEANUP_THREAD)
    if not _servers:
        time.sleep(seconds)
        return True
    _servers[0].join(seconds)
    return _servers[0].is_alive()
