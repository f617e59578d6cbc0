"""An escalation ladder as people write it: who is called for which alerts, in which order, and how long each has."""

from typing import Annotated

import msgspec

from vitals.finding import Priority

Target = Annotated[str, msgspec.Meta(pattern=r"^(site|person:.{1,100}|schedule:.{1,100})$")]


class Rung(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is called at this step, and for how long (ms, 1 s to 24 h) nobody else. `site`: the site's own contacts."""

    targets: Annotated[tuple[Target, ...], msgspec.Meta(min_length=1)]
    wait_ms: Annotated[int, msgspec.Meta(ge=1_000, le=86_400_000)]


class Ladder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ward's (None: any ward's) steps for these priorities."""

    id: str
    ward: str | None
    priorities: frozenset[Priority]
    rungs: Annotated[tuple[Rung, ...], msgspec.Meta(min_length=1)]
