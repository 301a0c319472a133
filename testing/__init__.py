"""Stand-ins of outside services and real servers on 127.0.0.1, used by tests and bench and by nothing else."""

# How long any wait may take on a busy machine, in seconds. Waits end on events: only a fault reaches this limit.
PATIENCE_S = 280
