"""Single sign-on by OpenID Connect: code flow with PKCE, state and nonce.

A claim of the provider's answer names one of our accounts; where there is none, nobody comes in,
unless a setting gives newcomers a role. The provider decides who somebody is, never what he may.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from mapsvc.errors import BrokenSetup, SignInFailed, Unavailable
from mapsvc.settings import Settings

_SIGNED_BY = ["RS256", "PS256", "ES256", "EdDSA", "RS384", "RS512", "ES384", "ES512"]
_TIMEOUT_S = 8.0
_LEEWAY_S = 60
_KEPT_S = 600.0


@dataclass(frozen=True, slots=True)
class Journey:
    """What the browser keeps while its person is at the provider; nobody else has it."""

    state: str
    nonce: str
    verifier: str


class SingleSignOn:
    """The provider of the settings; `begin` sends a browser there, `finish` reads its answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: tuple[float, dict[str, Any]] | None = None

    @property
    def name(self) -> str | None:
        """What the button at sign-in says; None where there is no provider."""
        return self._settings.oidc_name if self._settings.oidc_issuer else None

    async def begin(self, back: str) -> tuple[str, Journey]:
        """Where to send the browser, and what it keeps; `back` is where the provider sends it."""
        journey = Journey(*(secrets.token_urlsafe(32) for _ in range(3)))
        about = await self._provider()
        async with self._client(back) as client:
            url, _ = client.create_authorization_url(
                about["authorization_endpoint"],
                state=journey.state,
                nonce=journey.nonce,
                code_verifier=journey.verifier,
            )
        return str(url), journey

    async def finish(self, back: str, journey: Journey, state: str, code: str) -> str:
        """The name that the provider gives the person; SignInFailed, Unavailable."""
        if not secrets.compare_digest(journey.state.encode(), state.encode()):
            raise SignInFailed("这次登录不是从本机的登录页开始的。请重新登录。", code="oidc_state")
        about = await self._provider()
        try:
            async with self._client(back) as client:
                token = await client.fetch_token(
                    about["token_endpoint"], code=code, code_verifier=journey.verifier
                )
            claims = await self._claims(about, str(token.get("id_token", "")), journey.nonce)
        except (OAuthError, JoseError, ValueError) as refused:
            raise SignInFailed(
                "统一身份登录没有成功，请重新登录；若再次出现，请联系系统管理员。",
                code="oidc_refused",
            ) from refused
        except httpx2.HTTPError as away:
            raise _away() from away
        named = claims.get(self._settings.oidc_claim)
        if not isinstance(named, str) or not named:
            raise SignInFailed("统一身份平台没有给出用户名，请联系系统管理员。", code="oidc_claim")
        return named

    def _client(self, back: str) -> AsyncOAuth2Client:
        known = self._settings
        secret = known.oidc_client_secret
        return AsyncOAuth2Client(
            known.oidc_client_id,
            secret.get_secret_value() if secret else None,
            redirect_uri=back,
            scope=known.oidc_scope,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            timeout=_TIMEOUT_S,
        )

    async def _claims(self, about: dict[str, Any], id_token: str, nonce: str) -> dict[str, Any]:
        async with httpx2.AsyncClient(timeout=_TIMEOUT_S) as client:
            keys = (await client.get(about["jwks_uri"])).raise_for_status().json()
        token = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=_SIGNED_BY)
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": about["issuer"]},
            aud={"essential": True, "value": self._settings.oidc_client_id},
            sub={"essential": True},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(token.claims)
        return dict(token.claims)

    async def _provider(self) -> dict[str, Any]:
        """What the provider says of itself; the issuer must be the one of the settings."""
        issuer = (self._settings.oidc_issuer or "").rstrip("/")
        if self._known is not None and time.monotonic() - self._known[0] < _KEPT_S:
            return self._known[1]
        try:
            async with httpx2.AsyncClient(timeout=_TIMEOUT_S) as client:
                answer = await client.get(f"{issuer}/.well-known/openid-configuration")
                about: dict[str, Any] = answer.raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as away:
            raise _away() from away
        if str(about.get("issuer", "")).rstrip("/") != issuer:
            raise BrokenSetup("MAPSVC_OIDC_ISSUER 与统一身份平台自称的 issuer 不一致。")
        self._known = (time.monotonic(), about)
        return about


def _away() -> Unavailable:
    return Unavailable(
        "暂时连不上统一身份平台。请稍候再试，或用用户名和密码登录。", code="oidc_away"
    )
