"""Stand-ins for external services and real servers on 127.0.0.1, for tests and bench only."""

# Limit of any wait in seconds, for a busy machine. Waits end on events: only a fault reaches the limit.
PATIENCE_S = 280
# The same of a whole program or run, which can take that long where ten others share two cores; below pytest's limit.
HUNG_S = 1500
