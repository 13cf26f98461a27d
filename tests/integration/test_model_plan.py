"""Plans by a language model: a real server on loopback, a real tiny checkpoint, and replies of every kind."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import geopandas as gpd
import pytest
import rasterio
import shapely

import geogrounding as gg
from geogrounding.errors import SettingsError
from geogrounding.execution.model_plan import checked_plan, plan_by_model
from geogrounding.models.base import Writer
from geogrounding.models.openai.model import OpenAIServer
from geogrounding.query.read import read_query
from tests.blobs import UTM
from tests.integration.chat_server import ChatHandler
from tests.integration.chat_server import answer as boxes

QUERY = "gimme whichever ships measure up to more than ten metres end to end"
"""The grammar cannot read it."""
LONG_SHIPS = {
    "targets": [
        {"noun": "ship", "steps": [{"kind": "comparison", "measure": "length", "least": 10.0, "least_open": True}]}
    ]
}


class PlanHandler(ChatHandler):
    """Finds white things; texts without an image get the next of the replies."""

    replies: tuple[str, ...] = ()
    prompts: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = body["messages"][0]["content"]
        if not isinstance(content, str):
            self.reply(200, boxes(body))
            return
        self.prompts.append(content)
        text = self.replies[min(len(self.prompts), len(self.replies)) - 1]
        message = {"role": "assistant", "content": text}
        self.reply(200, {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]})


@pytest.fixture
def server() -> Iterator[tuple[OpenAIServer, type[PlanHandler]]]:
    handler = type("Handler", (PlanHandler,), {"replies": (), "prompts": []})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{http.server_port}/v1"
    with closing(OpenAIServer(url, model="planner", coordinates="resized-pixels")) as model:
        yield model, handler
    http.shutdown()
    http.server_close()


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """One white thing, 20 m long, on two chips' worth of black."""
    import numpy as np

    pixels = np.zeros((3, 200, 200), np.uint8)
    pixels[:, 50:60, 40:80] = 255
    profile: dict[str, Any] = {"driver": "GTiff", "width": 200, "height": 200, "count": 3, "dtype": "uint8"}
    with rasterio.open(tmp_path / "scene.tif", "w", crs="EPSG:32633", transform=UTM, **profile) as out:
        out.write(pixels)
    return tmp_path / "scene.tif"


def test_the_query_needs_a_model() -> None:
    assert read_query(QUERY).unread


def test_a_server_plans_what_the_grammar_cannot_read(
    server: tuple[OpenAIServer, type[PlanHandler]], scene: Path, tmp_path: Path
) -> None:
    model, handler = server
    handler.replies = (f"<think>ships { {} }</think>Sure:\n```json\n{json.dumps(LONG_SHIPS)}\n```",)
    asked = gg.ask(scene, QUERY, model=model)
    assert (asked.value, asked.unknown) == (1, ())
    assert asked.plan.planned_by == "planner"
    assert "planned by planner" in asked.steps[0]["step"]
    assert "longer than 10 m" in asked.steps[0]["step"]
    assert len(handler.prompts) == 1
    assert QUERY in handler.prompts[0]
    out = tmp_path / "ships.geojson"
    gg.run(scene, out, QUERY, model=model)
    result = json.loads(out.with_name("ships.geojson.run.json").read_text())["result"]
    assert "planned by planner" in result["answers"][QUERY]["steps"][0]["step"]
    assert json.loads(out.read_text())["features"][0]["properties"]["length_m"] == pytest.approx(20, abs=1)


def test_a_bad_plan_is_sent_back_with_the_reason(server: tuple[OpenAIServer, type[PlanHandler]]) -> None:
    model, handler = server
    wrong = json.loads(json.dumps(LONG_SHIPS))
    wrong["targets"][0]["steps"][0]["least"] = -10
    handler.replies = ("I cannot.", json.dumps(wrong), json.dumps(LONG_SHIPS))
    plan = plan_by_model(QUERY, model)
    assert plan is not None
    assert plan.targets[0].steps[0].least == 10.0  # type: ignore[union-attr]
    assert "never negative" in handler.prompts[2]


def test_what_neither_can_plan_is_asked_as_it_stands_and_the_result_says_so(
    server: tuple[OpenAIServer, type[PlanHandler]], scene: Path, tmp_path: Path
) -> None:
    model, handler = server
    handler.replies = ("no",)
    out = tmp_path / "ships.geojson"
    report = gg.run(scene, out, QUERY, model=model)
    assert len(handler.prompts) == 3
    assert report.features == 1
    assert any("was asked as it stands" in warning for warning in report.warnings)


def test_a_query_that_the_grammar_reads_costs_no_request(
    server: tuple[OpenAIServer, type[PlanHandler]], scene: Path
) -> None:
    model, handler = server
    assert gg.ask(scene, "how many ships longer than 10 m are there?", model=model).value == 1
    assert handler.prompts == []


def plan_of(**changes: Any) -> str:
    return json.dumps({**LONG_SHIPS, **changes})


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("", "no JSON object"),
        ("{" * 200_000, "no JSON object"),
        ('{"targets": ' + "[" * 5000, "no JSON object"),
        ('{"a": 1}', "no JSON object"),
        (plan_of(targets=[]), "targets"),
        (plan_of(targets=[{"noun": "bridge"}]), "does not name"),
        (plan_of(targets=[{"noun": "ship", "steps": [{"kind": "shell", "run": "rm"}]}]), "no query plan"),
        (plan_of(targets=[{"noun": "ship"}] * 21), "targets"),
        (plan_of(extra=1), "no query plan"),
        (plan_of(answer={"kind": "everything"}), "no query plan"),
        (
            plan_of(
                targets=[
                    {
                        "noun": "ship",
                        "steps": [
                            {"kind": "comparison", "measure": "length", "least": 20},
                            {"kind": "comparison", "measure": "length", "most": 10},
                        ],
                    }
                ]
            ),
            "nothing|contradict|exclude",
        ),
        (
            plan_of(
                targets=[
                    {
                        "noun": "ship",
                        "steps": [
                            {
                                "kind": "relation",
                                "how": "within",
                                "most_m": 5,
                                "other": {"kind": "point", "x": 0, "y": 0, "crs": "+init=/etc/passwd"},
                            }
                        ],
                    }
                ]
            ),
            "CRS",
        ),
        ('{"targets": [{"noun": "ship", "steps": [{"kind": "comparison", "measure": "length", "least": NaN}]}]}', "."),
    ],
)
def test_hostile_replies_are_refused(reply: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        checked_plan(reply, QUERY, "planner")


def test_a_plan_speaks_of_the_query_and_of_its_maker_whatever_the_model_writes() -> None:
    plan = checked_plan(plan_of(query="another", unread=["x"], planned_by="you", version=7), QUERY, "planner")
    assert (plan.query, plan.unread, plan.planned_by) == (QUERY, (), "planner")


def test_a_checkpoint_writes_a_plan(tmp_path: Path) -> None:
    from geogrounding.models.load import load_model
    from tests.integration.tiny_models import save_tiny

    folder = save_tiny(tmp_path / "tiny", "qwen2_5_vl", say=[json.dumps(LONG_SHIPS)])
    model = load_model(str(folder))
    try:
        assert isinstance(model, Writer)
        plan = plan_by_model(QUERY, model)
        assert plan is not None
        assert plan.planned_by == "tiny"
        assert plan_by_model("the barns that sulk", model) is None
    finally:
        model.close()


def test_plan_and_questions_about_a_layer_take_a_language_model(
    server: tuple[OpenAIServer, type[PlanHandler]], tmp_path: Path
) -> None:
    model, handler = server
    handler.replies = (json.dumps(LONG_SHIPS),)
    assert gg.plan_query(QUERY, model=model).planned_by == "planner"
    assert gg.plan_query("ships longer than 10 m", model=model).planned_by is None
    assert gg.plan_query(QUERY, model="builtin").unread
    layer = tmp_path / "ships.geojson"
    boxes = [shapely.box(5e5, 5e6, 5e5 + length, 5e6 + 3) for length in (6, 12, 20)]
    gpd.GeoDataFrame({"label": "ship"}, index=range(3), geometry=boxes, crs="EPSG:32633").to_file(layer)
    asked = gg.ask(layer, QUERY, model=model)
    assert (asked.value, asked.features, asked.plan.planned_by) == (2, (2, 3), "planner")
    assert len(handler.prompts) == 2
