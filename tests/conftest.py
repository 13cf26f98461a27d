"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.web import Web

os.environ["HF_HUB_OFFLINE"] = "1"  # no test may reach a hub, even by accident
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# as training sets it, but before any other test of this process has multiplied
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

# A busy machine is no failure: Hypothesis would otherwise fail an example that takes more than 200 ms.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

ROOT = Path(__file__).resolve().parent.parent

# Of the first, the tests run in Debian's own Python, where QGIS is: make test-qgis. Of the second, in a browser: make
# test-browser.
collect_ignore = ["qgis"] if os.environ.get("GEOGROUND_BROWSER") else ["qgis", "browser"]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Tiny layers are slower on several threads, and other tests run beside these."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """A web server of a folder that holds no file yet, for routes of the test's own."""
    from tests.web import serve

    (tmp_path / "files").mkdir()
    with serve(tmp_path / "files") as server:
        yield server


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real imagery beside the checkout; tests that need it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real imagery beside the checkout (../shared/data)")
    return folder


@pytest.fixture(scope="session")
def example_scene() -> Path:
    """The NEON scene that ships with the project: 400 x 400 pixels of 0.1 m in UTM 17N."""
    return ROOT / "examples" / "data" / "OSBS_029.tif"


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the home folder, the settings or the credentials of whoever runs it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    for name in (
        "GEOGROUND_API_KEY",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "HF_TOKEN",
        "NO_COLOR",
        "FORCE_COLOR",
        "COLUMNS",
    ):
        monkeypatch.delenv(name, raising=False)
