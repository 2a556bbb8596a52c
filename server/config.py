"""Settings.from_env(): one frozen dataclass, each field documented; nothing else reads the environment."""

import importlib.util
import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from flask import current_app

from pestwatch.errors import Problem

REPOSITORY = Path(__file__).parents[1]
PREFIX = "PESTWATCH_"


@dataclass(frozen=True)
class Settings:
    """What an installation may choose. Every field is an environment variable: `PESTWATCH_` + its name in capitals."""

    data: Path
    """Folder for everything that this installation makes: keys, database, photos, regional releases."""
    database_url: str = field(repr=False)
    """SQLAlchemy URL; SQLite inside `data` unless set to `postgresql+psycopg://…`."""
    owner_database_url: str | None = field(repr=False)
    """The same database for whoever prepares, backs up and restores it; then `database_url` may be a login of fewer rights."""
    broker_url: str | None = field(repr=False)
    """Valkey or Redis for Celery; unset means embedded: the worker asks the database, no broker is needed."""
    photos_dir: Path
    """Photos that farmers agreed to send, addressed by their SHA-256, where there is no `s3_bucket`."""
    s3_bucket: str | None
    """Bucket for the photos in S3 or anything that speaks its protocol; unset means `photos_dir`."""
    s3_endpoint: str | None
    """Address of the store, such as https://objects.example.in; unset means Amazon's own of `s3_region`."""
    s3_region: str
    """Region that requests to the store are signed for."""
    s3_key_id: str | None
    """Who we are to the store."""
    s3_secret: str | None = field(repr=False)
    """The secret key that goes with `s3_key_id`."""
    models_dir: Path
    """The shelf of shipped releases, keys and recipes."""
    app_dir: Path
    """The built field app."""
    recipes_dir: Path
    """What to train, and which gates a candidate has to pass."""
    host: str
    """Address to listen on; 127.0.0.1 keeps the server on this machine."""
    port: int
    """Port to listen on."""
    tls_cert: Path | None
    """Certificate chain in PEM. Phones on the LAN need HTTPS: browsers give camera and offline mode to secure pages only."""
    tls_key: Path | None
    """Private key of `tls_cert`."""
    public_url: str
    """Address that phones use, without a slash at the end; it stands in the enrolment QR code."""
    secret_key: str = field(repr=False)
    """Signs staff sessions; generated into `data` unless given."""
    proxies: int
    """How many proxies of our own stand in front and tell the caller's address; 0 believes no such header."""
    region: str
    """The first region, a district id such as IN-MH-500."""
    publisher: str
    """Who gives out exported observations: the name of the office, as it shall stand in them."""
    log_requests: bool
    """Whether each request is written to the log; 0 for none."""
    metrics_token: str | None = field(repr=False)
    """What Prometheus says in `Authorization: Bearer` to read /metrics; unset means that there is no such page."""
    sms_number: str | None
    """Number that phones without data send SMS to, such as +919876543210; unset means that no phone has an SMS path."""
    sms_secret: str | None = field(repr=False)
    """What the SMS gateway says in `Authorization: Bearer`; unset means that none is listened to."""
    sms_key: str = field(repr=False)
    """Locks the phones' SMS keys in the database; generated into `data` unless given. Whoever changes it enrols anew."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Reads the settings, creating the data folder and the secret on first use.

        Args:
          env: variables to read instead of the process's own.

        Raises:
          Problem 422.5: a setting that should be a number is none, or one needs a package that is not installed.
        """
        values = {k.removeprefix(PREFIX): v for k, v in (os.environ if env is None else env).items() if v}
        data = Path(values.get("DATA", "~/.local/share/pestwatch")).expanduser().resolve()
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        models_dir = Path(values.get("MODELS_DIR", REPOSITORY / "mobile_models"))
        host, port = values.get("HOST", "127.0.0.1"), _number(values, "PORT", 8000)
        tls_cert = Path(values["TLS_CERT"]) if "TLS_CERT" in values else None
        tls_key = Path(values["TLS_KEY"]) if "TLS_KEY" in values else None
        if "S3_BUCKET" in values and importlib.util.find_spec("obstore") is None:
            raise Problem("422.5", field=f"{PREFIX}S3_BUCKET", detail="it needs pip install pestwatch[s3]")
        scheme = "https" if tls_cert else "http"
        shown_host = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
        return cls(
            data=data,
            database_url=values.get("DATABASE_URL", f"sqlite:///{data / 'pestwatch.db'}"),
            owner_database_url=values.get("OWNER_DATABASE_URL"),
            broker_url=values.get("BROKER_URL"),
            photos_dir=Path(values.get("PHOTOS_DIR", data / "photos")),
            s3_bucket=values.get("S3_BUCKET"),
            s3_endpoint=values.get("S3_ENDPOINT"),
            s3_region=values.get("S3_REGION", "us-east-1"),
            s3_key_id=values.get("S3_KEY_ID"),
            s3_secret=values.get("S3_SECRET"),
            models_dir=models_dir,
            app_dir=Path(values.get("APP_DIR", REPOSITORY / "field" / "dist")),
            recipes_dir=Path(values.get("RECIPES_DIR", models_dir / "recipes")),
            host=host,
            port=port,
            tls_cert=tls_cert,
            tls_key=tls_key,
            public_url=values.get("PUBLIC_URL", f"{scheme}://{shown_host}:{port}").rstrip("/"),
            secret_key=values.get("SECRET_KEY") or _kept_secret(data / "secret_key"),
            proxies=_number(values, "PROXIES", 0),
            region=values.get("REGION", "IN-MH-500"),
            publisher=values.get("PUBLISHER", "an installation of pestwatch"),
            log_requests=values.get("LOG_REQUESTS", "1") != "0",
            metrics_token=values.get("METRICS_TOKEN"),
            sms_number=values.get("SMS_NUMBER"),
            sms_secret=values.get("SMS_SECRET"),
            sms_key=values.get("SMS_KEY") or _kept_secret(data / "sms_key"),
        )

    @property
    def keys_dir(self) -> Path:
        """The installation's own root and online key; made at first start, never in the repository."""
        return self.data / "keys"

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """Secrets that were generated because the environment gave none."""
        return self.data / "secret_key", self.data / "sms_key"

    @property
    def uploads_dir(self) -> Path:
        """Photos that have arrived in part."""
        return self.data / "uploads"

    @property
    def releases_dir(self) -> Path:
        """Releases that this installation signed itself."""
        return self.data / "releases"


def current_settings() -> Settings:
    """The settings of the app that answers this request."""
    settings: Settings = current_app.extensions["pestwatch.settings"]
    return settings


def current_time() -> datetime:
    """Now, by the clock of the app that answers this request; tests give the app another one."""
    now: datetime = current_app.extensions["pestwatch.clock"]()
    return now


def _number(values: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(values.get(name, default))
    except ValueError as error:
        raise Problem("422.5", field=PREFIX + name, detail="it is not a number") from error


def _kept_secret(path: Path) -> str:
    """Reads the secret, or makes one that only this user may read; two processes at first start agree on one."""
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # made with mode 0600
            file.write(secrets.token_urlsafe(48))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()
