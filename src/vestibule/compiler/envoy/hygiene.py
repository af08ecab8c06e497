"""What a visitor may not say: header names that are ours to set, and paths that deceive.

Header mutations take effect in the order written here, before any other filter looks.
"""

from __future__ import annotations

from collections.abc import Iterable

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.shapes import Resource, header, http_filter, regex

_HEADER_MUTATION = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"

# What a visitor presents to us, or asks of us, by these names (access.md 4.4, 8.1, 12).
CONSUMED = (
    names.PRESENTED_TOKEN,
    names.CLIENT_ID,
    names.CLIENT_SECRET,
    names.METADATA_REQUEST,
    names.JUMP_DESTINATION,
)

# Headers by which proxies tell one another who and where a visitor is. No peer of ours may
# say these things: Envoy sets anew what it vouches for.
_HEARSAY = (
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-scheme",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
    "x-original-uri",
    "x-original-url",
    "x-original-method",
    "x-original-host",
    "x-original-forwarded-for",
    "x-rewrite-url",
    "x-replaced-path",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-ipcountry",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
)

# Sequences that some servers read as another path than we do (attacks.md P1): a `;` or an
# encoded `;`, `?`, `#` or space behind a dot segment, encoded control characters and
# separators, overlong UTF-8, an escape of an escape, a needlessly encoded letter, a `%` that
# encodes nothing, bytes that are not printable ASCII.
DECEITFUL_PATH = (
    r"[^?]*(?:"
    r"/(?:\.|%2[eE]){1,2}(?:;|%3[bBfF]|%2[03])"
    r"|%(?:[01][0-9a-fA-F]|7[fF])"
    r"|%[cC][01]|%[eE]0%[89]|%[fF]0%8|%[fF][5-9a-fA-F]"
    r"|%25[0-9a-fA-F]{2}"
    r"|%(?:3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE]|2[dDeE])"
    r"|%(?:2[fF]|5[cC])"
    r"|%(?:[^0-9a-fA-F?]|[0-9a-fA-F][^0-9a-fA-F?]|[0-9a-fA-F]?\?|[0-9a-fA-F]?$)"
    r"|[^!-~]|[\\#]"
    r").*"
)

# What the public listener's normalisation leaves alone; forward auth, where somebody else
# forwards the path as it stood, refuses the rest.
UNNORMALISED_PATH = r"[^?]*(?://|/\.{1,2}(?:/[^?]*)?(?:\?.*)?$).*"


# A name or an address, and perhaps a port. Envoy takes whatever follows the last `:` for a
# port as it looks for the host, and would hand `name:1,other` or `name:x@other` to an origin.
PLAIN_AUTHORITY = r"(?:[A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?"


def all_but(prefix: str, kept: Iterable[str]) -> str:
    """Return a RE2 pattern for every string that begins with `prefix`, except `kept`.

    RE2 has no negative look-ahead, so the exceptions are spelled out letter by letter.
    """
    return prefix + _other_than(tuple(sorted({name.removeprefix(prefix) for name in kept})))


def _other_than(words: tuple[str, ...]) -> str:
    """Return a pattern for every string, the empty one too, that is none of `words`."""
    if not words:
        return ".*"
    by_letter: dict[str, list[str]] = {}
    for word in words:
        if word:
            by_letter.setdefault(word[0], []).append(word[1:])
    choices: list[str] = []
    if by_letter:
        # `-` stands first in the class, where it is a letter and no range.
        letters = "".join(sorted(by_letter, key=lambda letter: (letter != "-", letter)))
        choices.append(f"[^{letters}].*")
        choices += [
            f"{letter}{_other_than(tuple(rest))}" for letter, rest in sorted(by_letter.items())
        ]
    else:
        choices.append(".+")
    pattern = "|".join(choices)
    return f"(?:{pattern})" if "" in words else f"(?:{pattern})?"


def arrival(*, mode: str, trusted_hops: int, hearsay: Iterable[str] = _HEARSAY) -> Resource:
    """Return the first filter: strip what is ours to say, then say it.

    The scheme is Envoy's own `x-forwarded-proto`, which it overwrites unless proxies of the
    operator's stand in front (`trusted_hops`).
    """
    removed = [
        # One pattern, since it is tried on every header. Some servers read `.` and the like
        # as `-` (attacks.md H4).
        _remove_matching(
            r"x[^a-z0-9]vestibule(?:[^a-z0-9].*)?",
            all_but("cf-access-", CONSUMED),
            r"cf[^a-z0-9-]access.*|cf-access[^a-z0-9-].*|cf-access",
        ),
        *({"remove": name} for name in hearsay),
    ]
    if trusted_hops:
        told = {"x-forwarded-host", "x-forwarded-port"}
        removed = [mutation for mutation in removed if mutation.get("remove") not in told]
    return _header_mutation(
        names.ARRIVAL,
        [
            *removed,
            # Filters look at each of several equally named headers by itself, so that two
            # tokens would each look like one: whoever sends two is heard once.
            put_first("cookie", "%REQ(COOKIE)%"),
            put_first(names.PRESENTED_TOKEN, "%REQ(CF-ACCESS-TOKEN)%"),
            # Only an upgrade keeps this header. It must not name others of ours, which a
            # proxy before the origin would then take away (RFC 9110, 7.6.1; attacks.md H4).
            put_first("connection", "upgrade"),
            put(names.CLIENT_IP, "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
            put(names.SCHEME, "%REQ(X-FORWARDED-PROTO)%"),
            put(names.MODE, mode),
        ],
    )


def departure(*, trusted_hops: int) -> Resource:
    """Return the last filter before the router: nothing internal reaches an origin (H8)."""
    requests = [
        _remove_matching(r"x-vestibule-.*", all_but("cf-access-", (names.ASSERTION, names.EMAIL))),
        {"remove": names.CERTIFICATE},
        {"remove": "x-envoy-expected-rq-timeout-ms"},
    ]
    if not trusted_hops:
        # Nobody but us may tell an origin where a visitor comes from (attacks.md H1).
        requests.append(put("x-forwarded-for", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"))
    return _header_mutation(
        names.DEPARTURE,
        requests,
        trailers=[_remove_matching(r"x[^a-z0-9]vestibule.*", r"cf[^a-z0-9]access.*")],
    )


def identity() -> Resource:
    """Return the filter that tells an origin who came, from the verified token (access.md 4.5)."""
    verified = f"{names.JWT_METADATA}:token"
    return _header_mutation(
        names.IDENTITY,
        [
            put(names.ASSERTION, f"%DYNAMIC_METADATA({names.OWN_METADATA}:token)%"),
            put(names.EMAIL, f"%DYNAMIC_METADATA({verified}:email)%"),
            put(names.GRANT, f"%DYNAMIC_METADATA({verified}:jti)%"),
        ],
    )


def put(name: str, value: str) -> Resource:
    """Return the mutation that leaves exactly one header `name`, or none for an empty value."""
    return {
        "append": {
            "header": {"key": name, "value": value},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }


def put_first(name: str, value: str) -> Resource:
    """Return the mutation that leaves one header `name` where there were some, an empty one too.

    Were an empty value passed over, the headers behind an empty first one would all stay.
    """
    return {
        "append": {
            "header": {"key": name, "value": value},
            "append_action": "OVERWRITE_IF_EXISTS",
            "keep_empty_value": True,
        }
    }


def refuse_paths(*, normalised_elsewhere: bool) -> Resource:
    """Return the filter that refuses paths, and hosts, which others may read differently.

    Escaped slashes are refused, not decoded, for the same reason. With
    `normalised_elsewhere` another proxy forwards the path as it is written, so whatever we
    would have to normalise is refused too.
    """
    patterns = [DECEITFUL_PATH]
    if normalised_elsewhere:
        patterns.append(UNNORMALISED_PATH)
    return http_filter(
        names.PATHS,
        "envoy.extensions.filters.http.rbac.v3.RBAC",
        rules={
            "action": "DENY",
            "policies": {
                "deceitful-path": {
                    "permissions": [
                        *(_path(pattern) for pattern in patterns),
                        # Said twice: a pattern that refuses might stumble over such a byte.
                        {"not_rule": _path(r"[!-~]+")},
                        {"not_rule": {"header": header(":authority", regex(PLAIN_AUTHORITY))}},
                    ],
                    "principals": [{"any": True}],
                }
            },
        },
        rules_stat_prefix="paths_",
    )


def _path(pattern: str) -> Resource:
    return {"header": {"name": ":path", "string_match": regex(pattern)}}


def without_headers(removed: Iterable[str]) -> Resource:
    """Return a route's own addition to `departure`."""
    return {
        "@type": "type.googleapis.com/"
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute",
        "mutations": {"request_mutations": [{"remove": name} for name in removed]},
    }


def _remove_matching(*patterns: str) -> Resource:
    return {"remove_on_match": {"key_matcher": regex("|".join(patterns))}}


def _header_mutation(
    name: str, requests: list[Resource], trailers: list[Resource] | None = None
) -> Resource:
    mutations: Resource = {"request_mutations": requests}
    if trailers:
        mutations["request_trailers_mutations"] = trailers
    return http_filter(name, _HEADER_MUTATION, mutations=mutations)
