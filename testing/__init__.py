"""Stand-ins of outside services and real servers on 127.0.0.1, used by tests and bench and by nothing else."""
