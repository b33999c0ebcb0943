"""A company's own sign-in: an OpenID Connect provider, asked by the authorization code flow with PKCE.

What it says counts only when its ID token is signed by its own key and meant for us: issuer, audience, nonce and time are checked.
"""

import secrets
from base64 import b64encode
from collections.abc import Mapping
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from adapters.loopback import LOOPBACK_HOSTS
from domain.errors import UserError
from domain.roles import Role

SIGNATURES = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Those that need the provider's private key. A token without one, or signed with what we know too, proves nothing."""
LEEWAY_SECONDS = 60
"""So far the provider's clock may be from ours."""
TIMEOUT_SECONDS = 10.0
METADATA_SECONDS = 3_600.0


class ProviderRefusedError(UserError):
    """The provider did not let the person in, or what it said cannot be believed. The message is for the log."""

    title = "Your company's sign-in did not let you in"
    status = 403
    problem_type = "not-allowed"


class ProviderAwayError(UserError):
    """The provider does not answer, or not as one does."""

    title = "Your company's sign-in does not answer"
    status = 503
    problem_type = "not-ready"


class OpenIdConfig(NamedTuple):
    """`roles`: the role that each group gives. `client_secret` None: a public client. `console_url`: the address at which people reach the
    console, where it is set."""

    issuer: str
    client_id: str
    client_secret: str | None
    roles: Mapping[str, Role]
    groups_claim: str = "groups"
    user_claim: str = "preferred_username"
    scopes: str = "openid profile email"
    console_url: str | None = None


class ProviderSignIn(NamedTuple):
    """A sign-in that was begun: where the browser goes, and what only that browser knows until it comes back."""

    url: str
    state: str
    nonce: str
    verifier: str


class ProviderUser(NamedTuple):
    """Who the provider says it is. `subject` is the provider's own name for the person, which it never gives to another."""

    subject: str
    name: str
    full_name: str
    email: str
    roles: frozenset[Role]
    id_token: str


class OpenIdProvider:
    """Safe to share between threads."""

    def __init__(self, config: OpenIdConfig) -> None:
        self.config = config
        self._metadata: dict[str, Any] = {}
        self._read_at, self._lock = 0.0, Lock()

    def begin(self, redirect_uri: str) -> ProviderSignIn:
        """Raises ProviderAwayError."""
        endpoint = self._find_endpoint("authorization_endpoint")
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.config.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        return ProviderSignIn(_add_query(endpoint, asked), state, nonce, verifier)

    def finish(self, begun: ProviderSignIn, redirect_uri: str, code: str) -> ProviderUser:
        """Return who came back. Raises ProviderRefusedError, ProviderAwayError."""
        with _build_client() as client:
            tokens = self._exchange_code(client, begun, redirect_uri, code)
            claims = self._read_id_token(client, begun, tokens)
            claims = self._add_user_info(client, tokens, claims)
        return self._build_user(claims, str(tokens["id_token"]))

    def build_sign_out_url(self, id_token: str, back: str) -> str | None:
        """Where the browser signs out at the provider, which sends it `back`; None where it offers none, or does not answer."""
        try:
            endpoint = self._load_metadata().get("end_session_endpoint")
        except ProviderAwayError:
            return None
        if not isinstance(endpoint, str):
            return None
        given = {"id_token_hint": id_token, "client_id": self.config.client_id, "post_logout_redirect_uri": back}
        return _add_query(self._check_address(endpoint), given)

    def _exchange_code(self, client: httpx.Client, begun: ProviderSignIn, redirect_uri: str, code: str) -> dict[str, Any]:
        body = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": begun.verifier}
        headers, secret = {}, self.config.client_secret
        methods = self._load_metadata().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if secret is not None and "client_secret_basic" in methods:
            pair = f"{quote_plus(self.config.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            body |= {"client_id": self.config.client_id, **({"client_secret": secret} if secret is not None else {})}
        tokens = _call(client, "POST", self._find_endpoint("token_endpoint"), data=body, headers=headers)
        if not isinstance(tokens.get("id_token"), str):
            raise ProviderRefusedError("the provider gave no ID token")
        return tokens

    def _read_id_token(self, client: httpx.Client, begun: ProviderSignIn, tokens: dict[str, Any]) -> dict[str, Any]:
        """Raises ProviderRefusedError for a token that is not the provider's, not for us, or not of this sign-in."""
        keys = _call(client, "GET", self._find_endpoint("jwks_uri"))
        try:
            token = jwt.decode(tokens["id_token"], KeySet.import_key_set(keys), algorithms=SIGNATURES)  # type: ignore[arg-type]
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": self.config.issuer},
                    "aud": {"essential": True, "value": self.config.client_id},
                    "exp": {"essential": True},
                },
                params={"nonce": begun.nonce, "client_id": self.config.client_id, "access_token": tokens.get("access_token")},
            )
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderRefusedError(f"the ID token is refused: {error}") from error
        return dict(claims)

    def _add_user_info(self, client: httpx.Client, tokens: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
        """What the ID token leaves out, some providers say only when they are asked."""
        endpoint, wanted = self._load_metadata().get("userinfo_endpoint"), {self.config.groups_claim, self.config.user_claim}
        if wanted <= claims.keys() or not isinstance(endpoint, str) or "access_token" not in tokens:
            return claims
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        told = _call(client, "GET", self._check_address(endpoint), headers=bearer)
        if told.get("sub") != claims["sub"]:
            raise ProviderRefusedError("the provider told of somebody else")
        return {**told, **claims}

    def _build_user(self, claims: dict[str, Any], id_token: str) -> ProviderUser:
        name = str(claims.get(self.config.user_claim) or "").strip()
        if self.config.user_claim == "email" and claims.get("email_verified") is not True:
            raise ProviderRefusedError("the provider has not verified the address, which names the user")
        if not name or len(name) > 100 or any(sign.isspace() or not sign.isprintable() for sign in name):
            raise ProviderRefusedError(f"the claim {self.config.user_claim!r} names no user")
        given = claims.get(self.config.groups_claim) or []
        groups = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        roles = frozenset(self.config.roles[group] for group in groups if isinstance(group, str) and group in self.config.roles)
        subject = f"{self.config.issuer} {claims['sub']}"
        return ProviderUser(subject, name, str(claims.get("name") or ""), str(claims.get("email") or ""), roles, id_token)

    def _find_endpoint(self, name: str) -> str:
        endpoint = self._load_metadata().get(name)
        if not isinstance(endpoint, str):
            raise ProviderAwayError(f"the provider names no {name}")
        return self._check_address(endpoint)

    def _check_address(self, address: str) -> str:
        """Over TLS, or on this machine. Raises ProviderAwayError."""
        parts = urlsplit(address)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK_HOSTS:
            raise ProviderAwayError(f"the provider's address {address!r} is not encrypted")
        return address

    def _load_metadata(self) -> dict[str, Any]:
        """Read once an hour. Raises ProviderAwayError."""
        with self._lock:
            if self._metadata and monotonic() - self._read_at < METADATA_SECONDS:
                return self._metadata
        with _build_client() as client:
            found = _call(client, "GET", self._check_address(get_well_known_url(self.config.issuer, external=True)))
        if found.get("issuer") != self.config.issuer:
            raise ProviderAwayError(f"the provider calls itself {found.get('issuer')!r}; write that as DUECOURSE_OIDC_ISSUER")
        with self._lock:
            self._metadata, self._read_at = found, monotonic()
        return found


def _build_client() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, headers={"Accept": "application/json"})


def _call(client: httpx.Client, method: str, address: str, **given: Any) -> dict[str, Any]:
    """Raises ProviderAwayError; ProviderRefusedError where the provider refuses what was sent."""
    try:
        answer = client.request(method, address, **given)
        document = answer.json() if answer.is_success or answer.status_code == 400 else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ProviderAwayError(f"the provider does not answer: {error}") from error
    if answer.status_code in (400, 401):
        raise ProviderRefusedError(f"the provider refused: {document or answer.status_code}")
    if not isinstance(document, dict):
        raise ProviderAwayError(f"the provider answered {answer.status_code}")
    return document


def _add_query(address: str, given: Mapping[str, str]) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(given)}"
