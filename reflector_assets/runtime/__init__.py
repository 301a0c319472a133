"""How runs and steps are executed: the instance, executors, time limits, connections."""
