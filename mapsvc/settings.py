"""Settings, read from the environment (`MAPSVC_*`); nothing is built at import."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Every knob of the service; each is `MAPSVC_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="MAPSVC_", extra="ignore", env_ignore_empty=True)

    database_url: str | None = None
    """A PostGIS >= 3.3 database; without it the embedded cluster in `home` is used."""
    service_url: str | None = None
    """The login that the service uses instead of the owner's, where `mapsvc init` may not make one
    by itself; it owns nothing and may take the roles mapsvc_service and mapsvc_door."""
    home: Path = Path(".mapsvc")
    layers: Path = PROJECT / "layers"
    backups: Path | None = None
    """Where backups lie, for the health page; without it the folder that the last one went to."""
    pool_size: int = Field(default=10, ge=1, le=200)
    pool_wait_s: float = Field(default=8, gt=0)
    """How long a request waits for a connection before it answers that the database is away."""
    statement_timeout_s: float = Field(default=15, gt=0)
    """A query that runs longer is cancelled and answered with a problem."""

    log_format: Literal["auto", "text", "json"] = "auto"
    """`auto`: text at a terminal, else a JSON object a line."""
    metrics_token: SecretStr | None = None
    """Whoever brings it (`Authorization: Bearer …`) may read /metrics, as system managers may."""

    demo_password: SecretStr | None = None
    """One password for every demo account; without it each gets a random one."""
    first_code: SecretStr | None = None
    """Printed by `mapsvc serve` where there is no account yet; makes the first one at `/setup`."""
    session_hours: float = Field(default=12, gt=0, le=24 * 31)
    idle_minutes: float = Field(default=60, ge=0)
    """A page that nobody touched in this time is signed out; 0: only `session_hours` counts."""
    password_length: int = Field(default=10, ge=8, le=64)
    password_strength: int = Field(default=3, ge=0, le=4)
    """zxcvbn's score that a new password must reach; 3 resists some hundred million guesses."""
    password_days: int = Field(default=90, ge=0)
    """A password must be changed after so many days (等保 asks for it); 0: never."""
    lockout_free: int = Field(default=5, ge=1, le=100)
    """So many wrong passwords in a row cost nothing; each further one doubles the wait."""
    lockout_most_s: float = Field(default=900, gt=0, le=24 * 3600)
    """The longest wait: nobody is locked out for good by somebody else's guesses."""
    totp_roles: str = ""
    """Roles that must have a second factor, with commas: `admin,county`."""
    rate_sign_in: str = "600/minute"
    """As `次数/时间`, by account or else by address, in each process; empty for no limit."""
    rate_reveal: str = "120/hour"
    rate_export: str = "3000/hour"
    rate_upload: str = "3000/hour"
    oidc_issuer: str | None = None
    """The provider of single sign-on (OpenID Connect); without it the page does not offer it."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_scope: str = "openid profile"
    oidc_claim: str = "preferred_username"
    """The claim that names one of our accounts; it must be one that people cannot choose there."""
    oidc_newcomers: Literal["", "planner", "command"] = ""
    """The role of who comes from the provider and has no account; empty: he does not come in."""
    oidc_name: str = "统一身份登录"
    kiosk_days: int = Field(default=730, ge=1)
    cookie_secure: bool = False
    """Set when a proxy in front serves HTTPS and does not say so by X-Forwarded-Proto."""
    proxies: str = "127.0.0.1,::1"
    """Whose X-Forwarded-For and -Proto are believed: addresses and networks, with commas."""
    public_url: str | None = None
    """How browsers call this service, where a proxy hides it: `https://map.example.gov.cn`."""

    upload_max_bytes: int = Field(default=50 * 1024 * 1024, gt=0)
    upload_max_rows: int = Field(default=100_000, gt=0)
    upload_max_seconds: float = Field(default=60, gt=0)
    upload_max_memory: int = Field(default=512 * 1024 * 1024, gt=0)

    tianditu_key: SecretStr | None = None
    """With a key the 天地图 street and picture maps join the list of base maps."""
    basemap_url: str | None = None
    """Any XYZ template, or WMTS as one: `http://10.0.0.8/tiles/{z}/{x}/{y}.png`."""
    basemap_name: str = "本地底图"
    basemap_crs: Literal["wgs84", "gcj02", "bd09"] = "wgs84"
    """On a shifted base map points are moved when drawn, never when stored."""
    basemap_attribution: str = ""
    """Source and 审图号, shown on the map."""
    map_approval: str = Field(default="", max_length=100)
    """审图号 of the county's own map, printed on sheets; a line to fill in where there is none."""
    basemap_max_zoom: int = Field(default=18, ge=1, le=24)

    @property
    def totp_required(self) -> frozenset[str]:
        return frozenset(role.strip() for role in self.totp_roles.split(",") if role.strip())

    @field_validator("basemap_url")
    @classmethod
    def _is_template(cls, url: str | None) -> str | None:
        if url is not None and not (
            url.startswith(("http://", "https://", "/"))
            and all(part in url for part in ("{z}", "{x}", "{y}"))
        ):
            raise ValueError("必须是 http(s):// 或 / 开头、含 {z} {x} {y} 的瓦片地址")
        return url
