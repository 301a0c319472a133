"""Jobs whose steps hang, spin and fail; in a module of their own, because each step's process imports it."""

import io
import json
import os
import socket
import sys
import time

import dagster as dg
import numpy as np
import pandas as pd

from domain.errors import PermanentError, TransientError
from reflector_assets.assets.step import step
from reflector_assets.runtime.executor import process_executor
from reflector_assets.runtime.process import has_own_process

ONCE_MORE = dg.RetryPolicy(max_retries=1, delay=0)


@dg.op(retry_policy=ONCE_MORE)
def hangs(context: dg.OpExecutionContext):
    ours, _theirs = socket.socketpair()
    with step(context, "waveform", seconds=1):
        ours.recv(1)


@dg.op(retry_policy=ONCE_MORE)
def spins_once(context: dg.OpExecutionContext):
    with step(context, "waveform", seconds=1) as work:
        if context.retry_number == 0:
            pow(7, 10**9)
    context.log.info(f"own process: {has_own_process(context)}")
    context.add_output_metadata(work.metadata)


@dg.op
def sibling(context: dg.OpExecutionContext):
    with step(context, "waveform") as work:
        time.sleep(6)
    context.add_output_metadata(work.metadata)


@dg.op(retry_policy=ONCE_MORE)
def refused(context: dg.OpExecutionContext):
    with step(context, "recording"):
        raise PermanentError("Daily doesn't know it", hint="Check DAILY_API_KEY.")


@dg.op
def told_to_wait(context: dg.OpExecutionContext):
    with step(context, "recording"):
        if context.retry_number == 0:
            raise TransientError("too many requests", retry_after=3)


@dg.op
def imported(context: dg.OpExecutionContext):
    # BLAS and Arrow have threads of their own, which must be there again after the fork.
    many = np.ones((600, 600))
    table = pd.DataFrame({"product": (many @ many).ravel()})
    table.to_parquet(whole := io.BytesIO())
    assert pd.read_parquet(whole)["product"].sum() == 600**3
    context.add_output_metadata({"modules": json.dumps(sorted(sys.modules))})


@dg.job(executor_def=process_executor(4))  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
def every_kind():
    for each in (hangs, spins_once, sibling, refused, told_to_wait, imported):
        each()


@dg.op
def asks(context: dg.OpExecutionContext):
    assert not has_own_process(context)


@dg.job(executor_def=dg.in_process_executor)  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
def in_process():
    asks()


def whole_run():
    with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        done = dg.execute_job(dg.reconstructable(in_process), instance)
        os._exit(0 if done.success else 1)
