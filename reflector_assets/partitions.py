"""The one partition set: a partition is a recording, its key is Daily's recording id."""

from dagster import DynamicPartitionsDefinition

RECORDINGS = "recordings"
recordings = DynamicPartitionsDefinition(name=RECORDINGS)
