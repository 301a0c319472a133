"""How runs and steps are executed: instance, executors, time limits, connections."""
