"""The only partition set: one partition per recording, keyed by Daily's recording id."""

from dagster import DynamicPartitionsDefinition

RECORDINGS = "recordings"
recordings = DynamicPartitionsDefinition(name=RECORDINGS)
