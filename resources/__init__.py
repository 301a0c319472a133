"""Access to everything outside of the process: services, stores, the database."""
