"""The product's warm process with the bench's chain loaded, as that of a deployment has its own job loaded."""

import sys

import dagster as dg

from bench.overhead_chain import workers
from reflector_assets import preload  # noqa: F401
from reflector_assets.runtime import warm_process
from reflector_assets.runtime.dagster_internals.steps import prepare
from reflector_assets.runtime.startup import resume_gc

with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
    prepare(workers(), instance)
resume_gc()

if __name__ == "__main__":
    warm_process.serve(*sys.argv[1:])
