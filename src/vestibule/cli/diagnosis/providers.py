"""Identity providers: each is asked, through the same way out that sign-ins take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote_plus, urljoin

from vestibule.cli.diagnosis.finding import Finding, bad, ok, unknown, warn
from vestibule.cli.diagnosis.patient import Patient
from vestibule.connectors import CONNECTORS, SignIn, SignInFailed
from vestibule.flows.ports import Network
from vestibule.flows.visit import CALLBACK_PATH
from vestibule.model.configuration import Configuration
from vestibule.model.identity import IdentityProvider
from vestibule.protocols.exchange import OutboundError, Request, Response, run

AT_ONCE = 8
# The S256 challenge of RFC 7636, appendix B: nothing is ever redeemed with it.
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
REMEDIES = {
    "outbound_forbidden": "list the host in outbound.allow, if it is meant to be private or plain",
    "outbound_timeout": "see that a firewall lets this machine reach it; outbound.timeout is the "
    "longest wait",
    "outbound_unreachable": "see that its name resolves here, that a firewall lets us through, "
    "and that its certificate is trusted (outbound.ca_file adds authorities)",
    "outbound_too_large": "see that the address is the provider's, and not of some page",
    "okta_account": "compare okta_account with the address at which people sign in to Okta",
    "discovery_failed": "compare issuer or discovery_url with what the provider documents",
    "discovery_issuer": "set issuer to exactly what the provider calls itself, slashes included",
}
OTHER_REMEDY = "compare this identity provider's configuration with what the provider shows"


def providers(patient: Patient, configuration: Configuration) -> Iterator[Finding]:
    """Each provider that is on answers as its configuration says."""
    return _of_each(patient, configuration, _probe)


def callbacks(patient: Patient, configuration: Configuration) -> Iterator[Finding]:
    """The callback's address, and whether each provider would send people back to it."""
    url = callback_url(patient, configuration)
    yield ok(f"register {url} at every identity provider")
    yield from _of_each(patient, configuration, _registered)


def callback_url(patient: Patient, configuration: Configuration) -> str:
    """The one callback of all providers (access.md 5.4)."""
    return f"{patient.settings.scheme}://{configuration.organization.auth_domain}{CALLBACK_PATH}"


def _of_each(
    patient: Patient,
    configuration: Configuration,
    look: Callable[[Patient, Configuration, IdentityProvider, Network], list[Finding]],
) -> Iterator[Finding]:
    """What `look` finds at each provider, several asked at once."""
    network = patient.network
    if network is None:
        yield unknown("the database is not open")
        return
    asked = [one for one in configuration.identity_providers.values() if one.enabled]
    if not asked:
        yield warn("there is no identity provider: nobody can sign in", "configure one")
        return
    listening = _Listening(network, patient)

    def one(provider: IdentityProvider) -> list[Finding]:
        return look(patient, configuration, provider, listening)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(one, asked):
            yield from found


class _Listening:
    """A network that notes the time that others tell (`flows.ports.Network`)."""

    def __init__(self, network: Network, patient: Patient) -> None:
        self._network, self._patient = network, patient

    def send(self, request: Request) -> Response:
        """Send one request, as the network beneath does."""
        answer = self._network.send(request)
        if date := answer.headers.get("date"):
            self._patient.heard.append((date, self._patient.now()))
        return answer


def _probe(
    _: Patient, _configuration: Configuration, provider: IdentityProvider, network: Network
) -> list[Finding]:
    connector = CONNECTORS.get(provider.type)
    if connector is None:
        return [bad(f"{provider.name}: no connector for {provider.type}", OTHER_REMEDY)]
    try:
        result = run(connector.probe(provider), network.send)
    except (SignInFailed, OutboundError) as error:
        return [_failure(provider, error)]
    facts = ", ".join(f"{name} {value}" for name, value in result.facts.items() if value)
    return [
        ok(f"{provider.name} answers ({facts})" if facts else f"{provider.name} answers"),
        *(_warning(provider, sentence) for sentence in result.warnings),
    ]


def _warning(provider: IdentityProvider, sentence: str) -> Finding:
    """A connector's warnings say what to do after a colon."""
    said, _, remedy = sentence.rpartition(": ")
    return warn(f"{provider.name}: {said or sentence}", remedy if said else OTHER_REMEDY)


def _failure(provider: IdentityProvider, error: SignInFailed | OutboundError) -> Finding:
    """Name the innermost reason: a provider that is silent is not one that is wrong."""
    code, reason, hint = error.code, error.message, ""
    if isinstance(error, SignInFailed):
        reason = str(error.detail.get("reason") or error.message)
        code = str(error.detail.get("code") or error.code)
        hint = str(error.detail.get("hint") or "")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OutboundError):
            code, reason = cause.code, cause.message
            break
        cause = cause.__cause__
    remedy = REMEDIES.get(code) or hint or REMEDIES.get(error.code) or OTHER_REMEDY
    return bad(f"{provider.name}: {reason}", remedy)


def _registered(
    patient: Patient, configuration: Configuration, provider: IdentityProvider, network: Network
) -> list[Finding]:
    """Begin a sign-in as a browser would, without a person, and look at the answer."""
    connector = CONNECTORS.get(provider.type)
    if connector is None:
        return []
    callback = callback_url(patient, configuration)
    sign_in = SignIn(
        redirect_uri=callback,
        state="vestibule-doctor",
        nonce="vestibule-doctor",
        code_challenge=CHALLENGE,
        # Nobody is signed in, so a provider that knows the callback sends us back at once.
        prompt="none",
    )
    try:
        url = run(connector.begin(provider, sign_in), network.send)
        answer = network.send(Request("GET", url, headers={"Accept": "text/html"}))
    except (SignInFailed, OutboundError) as error:
        return [unknown(f"{provider.name}: {error.message}", "see what is said of it above")]
    return [judge_answer(provider.name, callback, url, answer)]


def judge_answer(name: str, callback: str, url: str, answer: Response) -> Finding:
    """What the authorization endpoint's answer says of the callback (RFC 6749, 4.1.2.1)."""
    to = urljoin(url, answer.headers.get("location", ""))
    if 300 <= answer.status < 400 and to.startswith(callback):
        return ok(f"{name} sends people back to the callback")
    said = (unquote_plus(to) + answer.body.decode("utf-8", "replace")).lower()
    # A redirect to the provider's own sign-in page repeats our parameters: that is no complaint.
    complains = answer.status >= 400 or "autherror" in said or "aadsts50011" in said
    if complains and any(word in said for word in ("redirect", "aadsts50011")):
        return bad(
            f"{name} does not know the callback ({answer.status})",
            f"add exactly {callback} to the sign-in redirect URIs of the application there",
        )
    if complains and "client" in said:
        return bad(
            f"{name} does not know the client ({answer.status})",
            "compare client_id with the application at the provider",
        )
    if complains:
        return unknown(
            f"{name} answered {answer.status} to the beginning of a sign-in",
            "sign in once by browser, and read what the provider says",
        )
    return ok(f"{name} does not object to the callback")
