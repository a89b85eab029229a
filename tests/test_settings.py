"""Every variable: what it may hold is taken, anything else stops the start with one line that helps."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from rag.errors import BadSetting
from rag.settings import EXPECTED, SECRETS, Settings, decode_key, load, without_password
from tests import PROJECT

KEY = base64.b64encode(bytes(range(32))).decode()
URL_KEY = base64.urlsafe_b64encode(b"\xff" * 32).decode().rstrip("=")
LONG = "correct horse battery staple, and more"

GOOD = [
    ("REDIS_URL", "embedded", "embedded"),
    ("REDIS_URL", "redis://:pw@host:6379/0", "redis://:pw@host:6379/0"),
    ("REDIS_URL", "rediss://host", "rediss://host"),
    ("REDIS_URL", "unix:///run/redis.sock", "unix:///run/redis.sock"),
    ("REDIS_URL", "redis+sentinel://a:1,b:2/main", "redis+sentinel://a:1,b:2/main"),
    ("REDIS_URL", "redis+cluster://a:1,b:2", "redis+cluster://a:1,b:2"),
    ("REDIS_WAIT_REPLICAS", "2", 2),
    ("REDIS_WAIT_SECONDS", "0.25", 0.25),
    ("REDIS_WAIT_SHORT", "fail", "fail"),
    ("REDIS_READS", "replicas", "replicas"),
    ("SESSION_TTL_SECONDS", "1", 1),
    ("SESSION_TTL_SECONDS", "31536000", 31_536_000),
    ("SESSION_SECRET", LONG, SecretStr(LONG)),
    ("SESSION_ENCRYPTION_KEYS", f"{KEY}, {URL_KEY}", (SecretStr(KEY), SecretStr(URL_KEY))),
    ("HISTORY_PREFIX", "chat:", "chat:"),
    ("CHROMA_URL", "embedded", "embedded"),
    ("CHROMA_URL", "http://localhost:8000/", "http://localhost:8000"),
    ("STATE_DIR", "/srv/crosswire", Path("/srv/crosswire")),
    ("KNOWLEDGE_DIR", "/srv/articles", Path("/srv/articles")),
    ("OPENAI_API_KEY", "sk-1", SecretStr("sk-1")),
    ("OPENAI_BASE_URL", "https://llm.example/v1/", "https://llm.example/v1"),
    ("CHAT_MODEL", "qwen3", "qwen3"),
    ("EMBEDDINGS", "minilm", "minilm"),
    ("EMBEDDINGS", "openai", "openai"),
    ("EMBEDDING_MODEL", "bge-m3", "bge-m3"),
    ("INSPECTOR_PASSWORD", "12345678", SecretStr("12345678")),
    ("TRACE_TOKEN", "0123456789abcdef", SecretStr("0123456789abcdef")),
    ("METRICS_TOKEN", "0123456789abcdef", SecretStr("0123456789abcdef")),
    ("LOG_FORMAT", "json", "json"),
    ("CANARY_PROBE", "false", False),
    ("CANARY_PROBE_MODEL", "true", True),
    ("DRAIN_SECONDS", "5", 5.0),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317", "http://127.0.0.1:4317"),
    ("INSPECTOR_EMAILS", "ada@example.org, Ben@example.org", ("ada@example.org", "Ben@example.org")),
    ("ALLOWED_ORIGINS", "https://Chat.example:443, http://[::1]:8501", ("https://chat.example", "http://[::1]:8501")),
    ("MODEL_MAX_ANSWER_CHARS", "100", 100),
    ("MODEL_TIMEOUT_SECONDS", "2.5", 2.5),
    ("MODEL_MAX_RETRIES", "0", 0),
    ("MAX_STORED_TURNS", "100000", 100_000),
    ("HISTORY_CACHE_BYTES", "0", 0),
    *((f"LIMIT_{name}", "0", 0) for name in ("SESSION_TURNS", "SESSION_UPLOADS", "ADDRESS_SESSIONS", "WAIT_SECONDS")),
    *((f"LIMIT_{name}", "100000", 100_000) for name in ("ADDRESS_TURNS", "ADDRESS_UPLOADS")),
    *((f"LIMIT_{name}", "1000", 1000) for name in ("SESSION_AT_ONCE", "ADDRESS_AT_ONCE")),
    ("PROMPT_MEMORY", "token_budget:2000", "token_budget:2000"),
    ("PROMPT_MEMORY", "summary:5", "summary:5"),
]

BAD = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4317"),
    ("LOG_FORMAT", "xml"),
    ("CANARY_PROBE", "perhaps"),
    ("CANARY_PROBE_MODEL", "perhaps"),
    ("DRAIN_SECONDS", "-1"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "http://localhost"),
    ("REDIS_URL", "redis://[::1"),
    ("REDIS_WAIT_REPLICAS", "17"),
    ("REDIS_WAIT_SECONDS", "0"),
    ("REDIS_WAIT_SECONDS", "5"),
    ("REDIS_WAIT_SHORT", "perhaps"),
    ("REDIS_READS", "slaves"),
    ("SESSION_TTL_SECONDS", "0"),
    ("SESSION_TTL_SECONDS", "1h"),
    ("SESSION_TTL_SECONDS", "31536001"),
    ("HISTORY_PREFIX", "chat {x}"),
    ("HISTORY_PREFIX", "x" * 65),
    ("CHROMA_URL", "localhost:8000"),
    ("CHROMA_URL", "http://"),
    ("OPENAI_BASE_URL", "ftp://llm.example"),
    ("OPENAI_BASE_URL", "http://[::1"),
    ("STATE_DIR", "~no-such-user/state"),
    ("KNOWLEDGE_DIR", "~no-such-user/articles"),
    ("EMBEDDINGS", "word2vec"),
    ("INSPECTOR_EMAILS", "ada@example.org, ben"),
    ("ALLOWED_ORIGINS", "chat.example"),
    ("ALLOWED_ORIGINS", "https://chat.example/"),
    ("ALLOWED_ORIGINS", "https://a.example, *"),
    ("ALLOWED_ORIGINS", "https://ada@chat.example"),
    ("ALLOWED_ORIGINS", "http://chat.example:port"),
    ("MODEL_MAX_ANSWER_CHARS", "99"),
    ("MODEL_TIMEOUT_SECONDS", "0.5"),
    ("MODEL_TIMEOUT_SECONDS", "nan"),
    ("MODEL_MAX_RETRIES", "11"),
    ("MAX_STORED_TURNS", "0"),
    ("HISTORY_CACHE_BYTES", "-1"),
    *((f"LIMIT_{name}", "-1") for name in ("SESSION_TURNS", "SESSION_UPLOADS", "ADDRESS_SESSIONS", "WAIT_SECONDS")),
    *((f"LIMIT_{name}", "100001") for name in ("ADDRESS_TURNS", "ADDRESS_UPLOADS")),
    *((f"LIMIT_{name}", "1.5") for name in ("SESSION_AT_ONCE", "ADDRESS_AT_ONCE")),
    ("PROMPT_MEMORY", "last_turns:0"),
    ("PROMPT_MEMORY", "everything"),
    ("PROMPT_MEMORY", "last_turns:5\nsecond line"),
]

BAD_SECRETS = [
    ("SESSION_SECRET", "too-short-secret"),
    ("SESSION_ENCRYPTION_KEYS", "not/base64!!"),
    ("SESSION_ENCRYPTION_KEYS", f"{KEY},c2hvcnQ="),
    ("INSPECTOR_PASSWORD", "hunter2"),
    ("TRACE_TOKEN", "0123456789abcde"),
    ("METRICS_TOKEN", "0123456789abcde"),
]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return tmp_path / "secrets.toml"


def test_every_variable_says_what_it_may_hold_and_is_in_the_readme_and_tested_here() -> None:
    fields = set(Settings.model_fields)
    assert set(EXPECTED) == fields
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert [name for name in fields if f"`{name.upper()}`" not in readme] == []
    assert {name.lower() for name, *_ in GOOD} == fields
    only_text = {"chat_model", "embedding_model", "openai_api_key"}
    assert {name.lower() for name, _ in BAD + BAD_SECRETS} == fields - only_text


@pytest.mark.parametrize(("variable", "text", "value"), GOOD)
def test_a_good_value_is_taken(
    monkeypatch: pytest.MonkeyPatch, secrets: Path, variable: str, text: str, value: object
) -> None:
    monkeypatch.setenv(variable, text)
    assert getattr(load(secrets), variable.lower()) == value


@pytest.mark.parametrize(("variable", "text"), BAD)
def test_a_bad_value_is_one_line_with_variable_value_and_what_it_may_hold(
    monkeypatch: pytest.MonkeyPatch, secrets: Path, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(BadSetting) as caught:
        load(secrets)
    assert str(caught.value) == f"{variable} is {text!r}: expected {EXPECTED[variable.lower()]}."
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("variable", "text"), BAD_SECRETS)
@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_bad_secret_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, secrets: Path, variable: str, text: str, where: str
) -> None:
    if where == "file":
        secrets.write_text(f'{variable} = "{text}"')
    else:
        monkeypatch.setenv(variable, text)
    with pytest.raises(BadSetting) as caught:
        load(secrets)
    message = str(caught.value)
    assert variable in message
    assert EXPECTED[variable.lower()] in message
    assert f"{len(text)} characters" in message
    assert not any(part in message for part in text.split(","))


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("REDIS_URL", "http://user:hunter2@host:1"),
        ("REDIS_URL", "redis://user:hunter2@[::1"),
        ("CHROMA_URL", "ftp://u:hunter2@host"),
        ("REDIS_URL", "valkey://host?password=hunter2&db=0"),
    ],
)
def test_a_password_in_a_bad_address_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, secrets: Path, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(BadSetting) as caught:
        load(secrets)
    assert "hunter2" not in str(caught.value)
    assert "***" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://:pa%40ss@host/0", "redis://:***@host/0"),
        ("redis://user:host@host", "redis://user:***@host"),
        ("redis+sentinel://u:p@a:1,b:2/main", "redis+sentinel://u:***@a:1,b:2/main"),
        ("redis://user:a@b@host", "redis://user:***@host"),
        ("redis://user:a/b@host", "redis://user:***@host"),
        ("redis://host?sentinel_password=x&db=1", "redis://host?sentinel_password=***&db=1"),
        ("embedded", "embedded"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_environment_is_stronger_than_the_secrets_file_and_that_than_the_default(
    monkeypatch: pytest.MonkeyPatch, secrets: Path
) -> None:
    secrets.write_text('CHAT_MODEL = "from-file"\nsession_ttl_seconds = 60\nSESSION_ENCRYPTION_KEYS = ["' + KEY + '"]')
    monkeypatch.setenv("CHAT_MODEL", "from-environment")
    settings = load(secrets)
    assert settings.chat_model == "from-environment"
    assert settings.session_ttl_seconds == 60
    assert settings.session_encryption_keys == (SecretStr(KEY),)
    assert settings.model_max_retries == Settings.model_fields["model_max_retries"].default


def test_a_bad_value_in_the_file_hides_behind_a_good_one_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, secrets: Path
) -> None:
    secrets.write_text('SESSION_TTL_SECONDS = "soon"')
    with pytest.raises(BadSetting, match="SESSION_TTL_SECONDS is 'soon'"):
        load(secrets)
    monkeypatch.setenv("SESSION_TTL_SECONDS", "60")
    assert load(secrets).session_ttl_seconds == 60


def test_the_secrets_of_the_working_directory_are_read_or_else_those_beside_the_app(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for folder in ("here", "app"):
        (tmp_path / folder / ".streamlit").mkdir(parents=True)
        (tmp_path / folder / SECRETS).write_text(f'CHAT_MODEL = "{folder}"')
    monkeypatch.setattr("rag.settings.ROOT", tmp_path / "app")
    monkeypatch.chdir(tmp_path / "here")
    assert load().chat_model == "here"
    SECRETS.unlink()
    assert load().chat_model == "app"


def test_a_variable_in_lower_case_counts_too(monkeypatch: pytest.MonkeyPatch, secrets: Path) -> None:
    monkeypatch.setenv("embeddings", "word2vec")
    with pytest.raises(BadSetting, match="EMBEDDINGS is 'word2vec'"):
        load(secrets)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, secrets: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    monkeypatch.setenv("SESSION_TTL_SECONDS", "")
    settings = load(secrets)
    assert settings.openai_api_key is None
    assert settings.session_ttl_seconds == 3600


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_a_key_or_an_address_makes_it_online(monkeypatch: pytest.MonkeyPatch, secrets: Path, variable: str) -> None:
    assert load(secrets).offline
    monkeypatch.setenv(variable, "http://localhost:11434/v1")
    assert not load(secrets).offline


def test_what_streamlit_keeps_in_the_same_file_is_left_alone(secrets: Path) -> None:
    secrets.write_text('CHAT_MODEL = "m"\n[connections.mine]\nurl = "x"\n[auth]\ncookie_secret = "y"')
    assert load(secrets).chat_model == "m"


@pytest.mark.parametrize("content", [b"CHAT_MODEL = ", b"\xff\xfe", b"a = 1\na = 2"])
def test_a_file_that_is_not_toml_is_named_in_one_line(secrets: Path, content: bytes) -> None:
    secrets.write_bytes(content)
    with pytest.raises(BadSetting) as caught:
        load(secrets)
    assert str(secrets) in str(caught.value)
    assert "expected valid TOML" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_line_of_the_file_does_not_show_its_secret(secrets: Path) -> None:
    secrets.write_text(f"SESSION_SECRET = {LONG}")
    with pytest.raises(BadSetting) as caught:
        load(secrets)
    assert "horse" not in str(caught.value)


def test_settings_are_frozen_and_never_print_a_secret(monkeypatch: pytest.MonkeyPatch, secrets: Path) -> None:
    monkeypatch.setenv("SESSION_SECRET", LONG)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    settings = load(secrets)
    with pytest.raises(ValidationError):
        settings.chat_model = "other"  # type: ignore[misc]
    assert LONG not in repr(settings) + str(settings)
    assert "sk-hidden" not in repr(settings) + str(settings)


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, secrets: Path, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STATE_DIR", "state")
    monkeypatch.setenv("KNOWLEDGE_DIR", "~/articles")
    settings = load(secrets)
    assert settings.state_dir == tmp_path / "state"
    assert settings.knowledge_dir == tmp_path / "articles"


@pytest.mark.parametrize("key", [KEY, KEY.rstrip("="), URL_KEY])
def test_encryption_keys_in_every_usual_base64(key: str) -> None:
    assert len(decode_key(SecretStr(key))) == 32


@pytest.mark.parametrize(
    ("variable", "text"),
    [("SESSION_SECRET", "short"), ("REDIS_URL", "redis://127.0.0.1:1")],
)
def test_the_app_does_not_start_and_says_why_in_one_line(tmp_path: Path, variable: str, text: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", "0", "--server.headless", "true"],
        cwd=PROJECT,
        env={**os.environ, "STATE_DIR": str(tmp_path), variable: text},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode != 0
    assert "Traceback" not in run.stdout + run.stderr
    lines = [line for line in run.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("Crosswire cannot start. ")
    assert variable in lines[0]
