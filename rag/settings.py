"""All settings, in one frozen value that is made at the edge and handed down.

Sources, strongest first: the environment, then `.streamlit/secrets.toml`, then the defaults below. Nothing in
`rag` reads the environment anywhere else, and nothing reads it at import.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from rag.errors import BadSetting
from rag.resources import ARTICLES, ROOT

STATE_DIR = Path(".crosswire")
"""In the working directory of whoever starts, never in the folder of an installed package."""
SECRETS = Path(".streamlit") / "secrets.toml"
"""In the working directory, where Streamlit looks too, or else beside app.py."""

REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")

_WEB_PORTS = {"http": 80, "https": 443}

EXPECTED = {
    "redis_url": "embedded, or a redis://, rediss://, unix://, redis+sentinel:// or redis+cluster:// address",
    "redis_wait_replicas": "a whole number of replicas from 0 to 16",
    "redis_wait_seconds": "a number of seconds from 0.01 to 4",
    "redis_wait_short": "warn or fail",
    "redis_reads": "master or replicas",
    "session_ttl_seconds": "a whole number of seconds from 1 to 31536000 (a year)",
    "session_secret": "at least 32 characters",
    "session_encryption_keys": "base64 keys of 32 bytes each, separated by commas",
    "history_prefix": "1 to 64 printable characters without braces or spaces",
    "chroma_url": "embedded, or an http:// or https:// address",
    "state_dir": "a folder that can be written to",
    "knowledge_dir": "a folder with articles",
    "openai_base_url": "an http:// or https:// address, usually ending in /v1",
    "openai_api_key": "a key, or nothing",
    "chat_model": "the name of a model",
    "embeddings": "wordllama, openai or minilm",
    "embedding_model": "the name of an embedding model",
    "trace_token": "at least 16 characters",
    "metrics_token": "at least 16 characters",
    "log_format": "plain or json",
    "canary_probe": "true or false",
    "canary_probe_model": "true or false",
    "drain_seconds": "a number of seconds from 0 to 600",
    "otel_exporter_otlp_endpoint": "the http:// or https:// address of an OTLP receiver (gRPC)",
    "inspector_password": "at least 8 characters",
    "inspector_emails": "e-mail addresses, separated by commas",
    "allowed_origins": "addresses like https://chat.example.org, without a path, separated by commas",
    "model_max_answer_chars": "a whole number of characters from 100 to 1000000",
    "model_timeout_seconds": "a number of seconds from 1 to 600",
    "model_max_retries": "a whole number from 0 to 10",
    "max_stored_turns": "a whole number of turns from 1 to 100000",
    "history_cache_bytes": "a whole number of bytes from 0 to 8589934592 (8 GiB)",
    "limit_session_turns": "a whole number of questions a minute from 0 (no limit) to 100000",
    "limit_address_turns": "a whole number of questions a minute from 0 (no limit) to 100000",
    "limit_session_uploads": "a whole number of documents a minute from 0 (no limit) to 100000",
    "limit_address_uploads": "a whole number of documents a minute from 0 (no limit) to 100000",
    "limit_address_sessions": "a whole number of new sessions a minute from 0 (no limit) to 100000",
    "limit_session_at_once": "a whole number of questions from 0 (no limit) to 1000",
    "limit_address_at_once": "a whole number of questions from 0 (no limit) to 1000",
    "limit_wait_seconds": "a number of seconds from 0 (no limit) to 60",
    "prompt_memory": "a memory policy and a whole number of at least 1, such as last_turns:20",
}
"""What each variable may hold, in the words that a bad value is answered with."""


def decode_key(key: SecretStr) -> bytes:
    """The 32 bytes of a base64 encryption key, standard or URL-safe. Raises ValueError."""
    text = key.get_secret_value().replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64") from exc
    if len(raw) != 32:
        raise ValueError("not 32 bytes")
    return raw


def origin_of(text: str) -> str | None:
    """Scheme, host and port, in lower case and without the scheme's usual port. None if it is no web origin."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.path or parts.query or parts.fragment or "@" in text or parts.scheme not in _WEB_PORTS:
        return None
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port in (None, _WEB_PORTS[parts.scheme]) else f":{port}")


def _key(key: SecretStr) -> SecretStr:
    decode_key(key)
    return key


def _origin(text: str) -> str:
    if (found := origin_of(text)) is None:
        raise ValueError("not an origin")
    return found


_Key = Annotated[SecretStr, AfterValidator(_key)]
_Email = Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+$")]
_Origin = Annotated[str, AfterValidator(_origin)]
_AMinute = Annotated[int, Field(ge=0, le=100_000)]
_AtOnce = Annotated[int, Field(ge=0, le=1000)]


class Settings(BaseSettings):
    """Settings of one process. Field names are the variables' names in lower case."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True, validate_default=True
    )

    redis_url: str = "embedded"
    redis_wait_replicas: Annotated[int, Field(ge=0, le=16)] = 0
    redis_wait_seconds: Annotated[float, Field(ge=0.01, le=4)] = 1.0
    redis_wait_short: Literal["warn", "fail"] = "warn"
    redis_reads: Literal["master", "replicas"] = "master"
    session_ttl_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = 3600
    session_secret: Annotated[SecretStr, Field(min_length=32)] | None = None
    session_encryption_keys: Annotated[tuple[_Key, ...], NoDecode] = ()
    history_prefix: Annotated[str, Field(pattern=r"^[^\s{}]{1,64}$")] = "chat_history:"
    chroma_url: str = "embedded"
    state_dir: Annotated[Path, Field(validate_default=True)] = STATE_DIR
    knowledge_dir: Path = ARTICLES
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    chat_model: Annotated[str, Field(min_length=1)] = "gpt-4o-mini"
    embeddings: Literal["wordllama", "openai", "minilm"] = "wordllama"
    embedding_model: Annotated[str, Field(min_length=1)] = "text-embedding-3-small"
    inspector_password: Annotated[SecretStr, Field(min_length=8)] | None = None
    trace_token: Annotated[SecretStr, Field(min_length=16)] | None = None
    metrics_token: Annotated[SecretStr, Field(min_length=16)] | None = None
    log_format: Literal["plain", "json"] = "plain"
    canary_probe: bool = True
    canary_probe_model: bool = False
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    otel_exporter_otlp_endpoint: str | None = None
    inspector_emails: Annotated[tuple[_Email, ...], NoDecode] = ()
    allowed_origins: Annotated[tuple[_Origin, ...], NoDecode] = ()
    model_max_answer_chars: Annotated[int, Field(ge=100, le=1_000_000)] = 16_000
    model_timeout_seconds: Annotated[float, Field(ge=1, le=600)] = 60.0
    model_max_retries: Annotated[int, Field(ge=0, le=10)] = 2
    max_stored_turns: Annotated[int, Field(ge=1, le=100_000)] = 1000
    history_cache_bytes: Annotated[int, Field(ge=0, le=8 << 30)] = 64 << 20
    limit_session_turns: _AMinute = 60
    limit_address_turns: _AMinute = 1200
    limit_session_uploads: _AMinute = 20
    limit_address_uploads: _AMinute = 200
    limit_address_sessions: _AMinute = 300
    limit_session_at_once: _AtOnce = 4
    limit_address_at_once: _AtOnce = 48
    limit_wait_seconds: Annotated[float, Field(ge=0, le=60)] = 0.3
    prompt_memory: Annotated[str, Field(pattern=r"^[a-z_]+:[1-9]\d{0,8}$")] = "last_turns:20"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # The environment comes before init, because load() hands the secrets file in through init.
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value != "embedded" and urlsplit(value).scheme not in REDIS_SCHEMES:
            raise ValueError(EXPECTED["redis_url"])
        return value

    @field_validator("chroma_url", "openai_base_url", "otel_exporter_otlp_endpoint")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value in (None, "embedded"):
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not a web address")
        return value.rstrip("/")

    @field_validator("session_encryption_keys", "inspector_emails", "allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("state_dir", "knowledge_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        try:
            return value.expanduser().resolve()
        except RuntimeError as exc:  # ~somebody who is not a user here
            raise ValueError(str(exc)) from exc

    @property
    def offline(self) -> bool:
        """True when no language model is configured, so that the extractive one answers."""
        return self.openai_api_key is None and self.openai_base_url is None


def without_password(url: str) -> str:
    """The text as it may be shown, address or not: a password in it is replaced by `***`."""
    # Not by urlsplit, which does not read every wrong address, and the wrong ones are shown most.
    if (found := re.search("://[^:@/]*:", url)) and (end := url.rfind("@")) > found.end():
        url = f"{url[: found.end()]}***{url[end:]}"
    return re.sub(r"([?&]\w*password=)[^&]*", r"\1***", url)


def load(secrets: Path | None = None, **overrides: Any) -> Settings:
    """Read the environment and the secrets file.

    `overrides` are defaults that tests and tools set; the environment is stronger than they are.
    Raises BadSetting for the first value that cannot be used.
    """
    values = {**_secrets_file(secrets or _usual_secrets()), **overrides}
    try:
        return Settings(**values)
    except ValidationError as exc:
        raise _bad_setting(exc, values) from exc


def _usual_secrets() -> Path:
    return SECRETS if SECRETS.is_file() else ROOT / SECRETS


def _secrets_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadSetting(str(path), str(exc), "valid TOML") from exc
    except OSError as exc:
        raise BadSetting(str(path), str(exc.strerror), "a file that can be read") from exc
    known = Settings.model_fields
    return {name.lower(): value for name, value in content.items() if name.lower() in known}


def _bad_setting(error: ValidationError, values: dict[str, Any]) -> BadSetting:
    field = str(error.errors()[0]["loc"][0])
    variable = field.upper()
    given = [text for name, text in os.environ.items() if name.upper() == variable and text]
    value = given[-1] if given else str(values.get(field, ""))
    secret = "Secret" in str(Settings.model_fields[field].annotation)
    shown = f"{len(value)} characters (not shown)" if secret else without_password(value)
    return BadSetting(variable, shown, EXPECTED[field])
