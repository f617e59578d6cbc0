"""The site's keys that the API needs: one secret of 32 bytes, and what derives from it (`vitals.site_key`).

In: the base64 text of VIGIL_KEY_FILE. Out: a key for each use, so that none serves two. Promise: nothing here prints a key.
"""

from dataclasses import dataclass, field

from vitals import site_key

_USES = ("token", "person", "mrn", "stored", "factor", "login")


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """Each 32 bytes: `token` signs access tokens, `person` wraps patients' keys, `mrn` digests record numbers, `stored` seals answers,
    `factor` the secrets of second factors, `login` what a browser carries to the OpenID provider and back.

    `secret` itself is for `vitals.pagelink`, which derives its own.
    """

    secret: bytes = field(repr=False)
    token: bytes = field(repr=False)
    person: bytes = field(repr=False)
    mrn: bytes = field(repr=False)
    stored: bytes = field(repr=False)
    factor: bytes = field(repr=False)
    login: bytes = field(repr=False)


def derive(secret: bytes) -> SiteKeys:
    """The keys of a site whose secret this is (32 bytes)."""
    return SiteKeys(secret, *(site_key.derived(secret, use) for use in _USES))


def parse(text: str) -> SiteKeys:
    """The keys from a key file's text. Raises SettingError when it is not 32 bytes of base64."""
    return derive(site_key.secret(text))
