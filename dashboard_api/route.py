"""What an endpoint is: one row that drives routing, policy, audit and the OpenAPI document alike.

`Route` is the row, `Call` what a handler is given once the caller may pass, `Reply` what it gives back.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from dashboard_api.policy import Caller, Right

if TYPE_CHECKING:
    from dashboard_api.site import Site

Subject = Literal["", "patient", "alert"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A handler's answer. `body` is encoded as JSON; `patients`: of whom it tells, when the path does not say (for the audit)."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    patients: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    raw: Response | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose caller has the right. `subject`: the row of the patient or alert that the path names, within the caller's reach."""

    site: "Site"
    request: Request
    caller: Caller
    session: str
    now: datetime
    path: Mapping[str, str]
    query: Any
    body: Any
    subject: Mapping[str, Any]


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path.

    Attributes:
        right: what the caller needs; None = open to anybody.
        action: the operation's name, in OpenAPI and in the audit.
        query, body, answer: msgspec types; None = none is read.
        subject: what `{id}` names, looked up and checked before the handler runs.
        audited: whether a success is written down; a denial always is.
        interaction: the SMART letter that a limited token must have (r read, s search, c create); all of the right's when empty.
        errors: statuses that a caller should expect besides the common ones.
    """

    method: str
    path: str
    right: Right | None
    action: str
    handler: Handler
    summary: str
    query: Any = None
    body: Any = None
    answer: Any = None
    status: int = 200
    subject: Subject = ""
    audited: bool = True
    errors: tuple[int, ...] = ()
    tag: str = ""
    interaction: str = ""
    media: tuple[str, ...] = ("application/json",)
