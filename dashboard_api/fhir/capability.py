"""What this server says of itself: the capability statement (FHIR R4) and SMART's configuration (SMART App Launch 2.2). Pure.

In: the day, and the address under which the caller knows the site. Out: plain data, made from the tables that the searches and the policy
go by, so that it says what is so. Not offered, and so not said: an app launched by us (`launch`, an authorization endpoint).
"""

from datetime import UTC, datetime
from typing import Any

from dashboard_api.assertions import ALGORITHMS
from dashboard_api.fhir.search import OFFERED
from dashboard_api.scopes import RESOURCES

_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_LASTN = "http://hl7.org/fhir/OperationDefinition/Observation-lastn"
_LEVELS = {"patient": "rs", "user": "rs", "system": "rs"}


def capability(now: datetime, site: str) -> dict[str, Any]:
    """CapabilityStatement, kind instance. `site`: scheme and host, without a slash at the end."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.astimezone(UTC).date().isoformat(),
        "kind": "instance",
        "software": {"name": "Vigil"},
        "implementation": {"description": "Vigil remote patient monitoring", "url": f"{site}/fhir/R4"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "security": _security(site),
                "resource": [_resource(kind) for kind in OFFERED],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def _security(site: str) -> dict[str, Any]:
    token = {"url": "token", "valueUri": f"{site}/api/v1/token"}
    return {
        "cors": False,
        "service": [
            {"coding": [{"system": _SERVICE, "code": "SMART-on-FHIR", "display": "SMART-on-FHIR"}], "text": "OAuth 2 bearer tokens"}
        ],
        "extension": [{"url": _OAUTH_URIS, "extension": [token]}],
        "description": "OAuth 2 bearer tokens of POST /api/v1/token, limited by SMART scopes; see .well-known/smart-configuration",
    }


def _resource(kind: str) -> dict[str, Any]:
    does = ["read", "search-type", *(["create"] if kind == "Observation" else [])]
    found: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": code} for code in does],
        "searchParam": [{"name": name, "type": type_} for name, type_ in OFFERED[kind].items()],
    }
    return found | ({"operation": [{"name": "lastn", "definition": _LASTN}]} if kind == "Observation" else {})


def smart(site: str) -> dict[str, Any]:
    """.well-known/smart-configuration."""
    reads = [f"{level}/{resource}.{letters}" for level, letters in _LEVELS.items() for resource in (*RESOURCES, "*")]
    return {
        "token_endpoint": f"{site}/api/v1/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["client_credentials", "password", "refresh_token"],
        "scopes_supported": [*reads, "system/Observation.c"],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": [
            "client-confidential-symmetric",
            "client-confidential-asymmetric",
            "permission-patient",
            "permission-user",
            "permission-v1",
            "permission-v2",
        ],
    }
