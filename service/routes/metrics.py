"""Metrics for Prometheus."""

from fastapi import Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.dependencies import AuthorizedRouter, MetricsDep
from service.routing import media, problems

router = AuthorizedRouter(responses=problems(401, 403))


@router.get("/metrics", response_class=Response, responses=media("text/plain"))
async def show_metrics(metrics: MetricsDep) -> Response:
    """Show metrics in Prometheus's text format."""
    return Response(await metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})
