"""The OpenAPI document of this very process."""

from dashboard_api.route import Call, Reply


async def read(call: Call) -> Reply:
    """Made once, at start."""
    return Reply(call.site.facts.openapi)
