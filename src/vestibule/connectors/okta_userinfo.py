"""What `/userinfo` adds to a thin ID token of Okta's (identity.md 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vestibule.connectors import code_flow
from vestibule.connectors.errors import SignInFailed, fail
from vestibule.connectors.okta_errors import TOO_MANY_GROUPS_HINT, failed_answer, groups_failed
from vestibule.connectors.person import custom_claims, groups_of
from vestibule.model.errors import VestibuleError
from vestibule.model.identity import IdentityProvider
from vestibule.model.values import Json
from vestibule.protocols.exchange import Exchange, OutboundError
from vestibule.protocols.json_values import as_texts, text
from vestibule.protocols.oidc import Metadata, UserinfoRefused, fetch_userinfo


@dataclass(frozen=True, slots=True)
class Userinfo:
    """What `/userinfo` added, or why it could not be had."""

    claims: Mapping[str, Json]
    failure: SignInFailed | None = None


def ask_userinfo(
    provider: IdentityProvider, metadata: Metadata, verified: code_flow.Verified
) -> Exchange[Userinfo]:
    """More claims, where the ID token is a thin one. Raises `SignInFailed`.

    A refusal is handed back: Okta may refuse here because of too many groups alone, which
    the API can mend. Without what only this endpoint has, the sign-in ends at once.
    """
    claims = verified.id_token.values
    wanted = as_texts(provider.config.get("claims")) or ()
    _, missing = custom_claims(wanted, claims)
    lacking = bool(missing) or not claims.get(text(provider.config, "email_claim_name") or "email")
    if not lacking and groups_of(claims) is not None:
        return Userinfo({})
    try:
        found = yield from fetch_userinfo(
            metadata.userinfo_endpoint,
            verified.tokens.access_token,
            subject=verified.id_token.subject,
        )
    except UserinfoRefused as error:
        if error.answer is None:
            fail(error, "userinfo")
        failure = _refused(error)
        if lacking:
            raise failure from error
        return Userinfo({}, failure)
    except OutboundError as error:
        failure = groups_failed(
            "okta_unreachable", "userinfo", "Okta cannot be reached", reason=error.message
        )
        if lacking:
            raise failure from error
        return Userinfo({}, failure)
    except VestibuleError as error:
        fail(error, "userinfo")
    return Userinfo(found)


def _refused(error: UserinfoRefused) -> SignInFailed:
    answer = error.answer
    if answer is None or answer.status == 400:
        return groups_failed(
            "too_many_groups", "userinfo", TOO_MANY_GROUPS_HINT, reason=error.message
        )
    if answer.status == 401 or (answer.status == 403 and "www-authenticate" in answer.headers):
        return groups_failed(
            "okta_userinfo_refused",
            "userinfo",
            "Okta did not accept the access token that it had just issued",
            reason=error.message,
            status=answer.status,
        )
    return failed_answer(answer, "userinfo", blocked=True)
