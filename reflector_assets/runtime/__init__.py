"""How runs and steps are executed: executors, time limits, connections.

Every process of Dagster loads a module of this package: by dagster.yaml, or by the definitions. What it writes to the
data folder is for this user only.
"""

import os

os.umask(0o077)
