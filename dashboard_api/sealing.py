"""A person's name, birth date, sex and record number, and the notes on them: sealed under a key of that patient's own, which the site's
key wraps. Pure but for nonces.

In: a `Person`, or a note's text. Out: `Sealed` (AES-256-GCM, the patient's id bound in; in a note also the note's own). Promise: without
the site's key nothing can be read; when a patient's wrapped key is deleted, not with it either. A record number is found by its
HMAC-SHA-256, so that none need be read.
"""

import os
from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dashboard_api.keys import SiteKeys
from vitals.context import AgeBand
from vitals.site_key import record_digest

_NONCE = 12
_BANDS: tuple[tuple[int, AgeBand], ...] = ((3, "0-3m"), (12, "3-12m"), (48, "1-4y"), (144, "4-12y"), (192, "12-16y"))
"""Upper end in months (exclusive) -> band: Bedside PEWS (Parshuram 2009) below 16 years, NEWS2 (2017) from 16 on."""

Sex = Literal["female", "male", "other", "unknown"]
SEXES: dict[str, Sex] = {word: sex for sex in ("female", "male", "other", "unknown") for word in (sex, sex[0], sex[0].upper())}
"""What a registration may say -> FHIR's administrative gender."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who a patient is."""

    mrn: str
    name: str
    birth_date: date
    sex: Sex


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is stored of a person."""

    wrapped_key: bytes
    sealed: bytes
    mrn_digest: bytes


def seal(keys: SiteKeys, patient: str, person: Person) -> Sealed:
    """A new key for this patient, and the person under it."""
    return resealed(keys, patient, _locked(keys.person, AESGCM.generate_key(256), patient), person)


def resealed(keys: SiteKeys, patient: str, wrapped_key: bytes, person: Person) -> Sealed:
    """The person as changed, under the key that the patient has: the notes stay readable."""
    key = _unlocked(keys.person, wrapped_key, patient)
    return Sealed(wrapped_key, _locked(key, msgspec.json.encode(person), patient), mrn_digest(keys, person.mrn))


def opened(keys: SiteKeys, patient: str, wrapped_key: bytes, sealed: bytes) -> Person:
    """The person. Raises cryptography's InvalidTag when the key, the patient or the bytes are not those that were sealed."""
    key = _unlocked(keys.person, wrapped_key, patient)
    return msgspec.json.decode(_unlocked(key, sealed, patient), type=Person)


def seal_note(keys: SiteKeys, patient: str, note: str, wrapped_key: bytes, text: str) -> bytes:
    """A note's text, readable as this note of this patient only."""
    return _locked(_unlocked(keys.person, wrapped_key, patient), text.encode(), f"{patient}/{note}")


def opened_note(keys: SiteKeys, patient: str, note: str, wrapped_key: bytes, sealed: bytes) -> str:
    """The text. Raises cryptography's InvalidTag as `opened` does."""
    return _unlocked(_unlocked(keys.person, wrapped_key, patient), sealed, f"{patient}/{note}").decode()


def mrn_digest(keys: SiteKeys, mrn: str) -> bytes:
    """What a record number is found by."""
    return record_digest(keys.mrn, mrn)


def age_band(born: date, today: date) -> AgeBand:
    """The band that scores and limits go by."""
    months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    return next((band for end, band in _BANDS if months < end), "adult")


def _locked(key: bytes, plain: bytes, bound: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound.encode())


def _unlocked(key: bytes, locked: bytes, bound: str) -> bytes:
    return AESGCM(key).decrypt(locked[:_NONCE], locked[_NONCE:], bound.encode())
