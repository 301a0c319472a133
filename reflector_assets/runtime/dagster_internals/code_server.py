"""The end of Dagster's code server, for ticks that wait in one of its threads."""

import threading
import time

# Runs as long as the server accepts work, in every code server and nowhere else.
CLEANUP_THREAD = "grpc-server-cleanup"


def pause(seconds: float) -> bool:
    """Sleep and return True; if this process is a code server that is stopped meanwhile, return False at once."""
    server = next((thread for thread in threading.enumerate() if thread.name == CLEANUP_THREAD), None)
    if server is None:
        time.sleep(seconds)
        return True
    server.join(seconds)
    return server.is_alive()
