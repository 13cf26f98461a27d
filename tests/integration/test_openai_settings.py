"""Addresses, model names, keys and settings of OpenAI-compatible servers."""

from __future__ import annotations

import math
from typing import Any

import httpx
import pytest

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models.openai.client import check_base_url
from geogrounding.models.openai.model import OpenAIServer
from geogrounding.types import Question
from tests.integration.openai_script import SHIP, URL, Script, chip, completion, refused

SECRET = "sk-very-secret-0123456789"


def test_bad_expression_is_refused_before_anything_is_sent() -> None:
    script = Script(completion())
    with pytest.raises(SettingsError, match="empty"):
        script.server().ground([chip()], [Question(expression=" ")])
    assert not script.requests


def test_close_twice_and_ask_afterwards() -> None:
    script = Script(completion())
    server = script.server()
    server.close()
    server.close()
    with pytest.raises(ModelError):
        server.ground([chip()], [SHIP])


# --- model name, settings, secrets ---


def listing(*names: Any) -> httpx.Response:
    return httpx.Response(200, json={"object": "list", "data": [{"id": name} for name in names]})


def test_the_only_model_of_the_server_is_taken() -> None:
    script = Script(listing("Qwen/Qwen3-VL-4B-Instruct"))
    server = script.server(model=None)
    assert server.name == "Qwen/Qwen3-VL-4B-Instruct"
    assert server.conventions.coordinates == "per-mille"
    assert script.requests[0].url == URL + "/models"


@pytest.mark.parametrize("names", [(), ("a", "b"), (1, None)])
def test_several_models_or_none_must_be_named(names: tuple[Any, ...]) -> None:
    with pytest.raises(SettingsError, match="models") as caught:
        Script(listing(*names)).server(model=None)
    assert "--model" in caught.value.hint
    assert "it has: a, b." in caught.value.hint or names != ("a", "b")


@pytest.mark.parametrize(
    "reply",
    [refused, httpx.Response(401), httpx.Response(404), httpx.Response(500), httpx.Response(200, text="hello")],
)
def test_server_that_cannot_name_its_model(reply: Any) -> None:
    with pytest.raises(ModelError) as caught:
        Script(reply).server(model=None, max_retries=1)
    assert caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://host/v1",
        "file:///etc/passwd",
        "http://",
        "http://user:pw@host/v1",
        "http://host/v1?key=1",
        "http://host/v1#x",
        "http://host:99999/v1",
        "http://host:port/v1",
        "http://[::1/v1",
        "http://ho st/v1",
        "http://host/v1\r\nX: y",
    ],
)
def test_wrong_addresses_are_refused(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        OpenAIServer(url, model="m")
    assert caught.value.hint
    assert "pw" not in str(caught.value)


def test_addresses_are_taken_without_the_last_slash() -> None:
    assert check_base_url(" https://host:8000/v1/ ") == "https://host:8000/v1"
    assert check_base_url("http://[::1]:8000/v1") == "http://[::1]:8000/v1"


@pytest.mark.parametrize(
    "settings",
    [
        {"concurrency": 0},
        {"timeout_s": 0},
        {"timeout_s": math.inf},
        {"timeout_s": math.nan},
        {"max_retries": -1},
        {"temperature": -1},
        {"temperature": math.nan},
        {"max_tokens": 0},
        {"tile_size_px": 0},
        {"input_size_px": 0},
        {"max_pixels": 100},
        {"jpeg_quality": 0},
        {"style": "prose"},
        {"api_key": "a\nb"},
        {"api_key": "schl\u00fcssel"},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        OpenAIServer(URL, model="m", **settings)


@pytest.mark.parametrize("variable", [None, "OPENAI_API_KEY", "GEOGROUND_API_KEY"])
def test_key_goes_to_the_header_and_nowhere_else(
    variable: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    if variable == "GEOGROUND_API_KEY":
        monkeypatch.setenv("OPENAI_API_KEY", "another")
    if variable:
        monkeypatch.setenv(variable, SECRET)
    refusal = httpx.Response(401, json={"error": {"message": f"Incorrect API key provided: {SECRET}"}})
    bad = httpx.Response(418, text=f"not with {SECRET}")
    script = Script(bad, refusal)
    server = script.server(api_key=None if variable else SECRET)
    answers = server.ground([chip()], [SHIP])
    with pytest.raises(ModelError) as caught:
        server.ground([chip()], [SHIP])
    assert {request.headers["Authorization"] for request in script.requests} == {f"Bearer {SECRET}"}
    shown = [str(caught.value), caught.value.hint, repr(answers), server.fingerprint, server.name, repr(server)]
    shown += [repr(vars(server)), caplog.text, repr(server.conventions)]
    assert "***" in shown[0]
    assert not [text for text in shown if SECRET in text]


def test_empty_key_sends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    script = Script(completion())
    script.server(api_key="").ground([chip()], [SHIP])
    assert "Authorization" not in script.requests[0].headers


def test_fingerprint_follows_what_changes_answers() -> None:
    def fingerprint(**settings: Any) -> str:
        return Script(completion()).server(**settings).fingerprint

    plain = fingerprint()
    assert plain == fingerprint(concurrency=7, timeout_s=5, max_retries=1, api_key=SECRET, max_tokens=5)
    others = [
        fingerprint(**settings)
        for settings in (
            {"model": "other"},
            {"base_url": "http://other.test/v1"},
            {"style": "qwen3"},
            {"coordinates": "per-mille"},
            {"temperature": 0.5},
            {"max_pixels": 200_000},
            {"jpeg_quality": 80},
            {"input_size_px": 336},
        )
    ]
    assert len({plain, *others}) == len(others) + 1
