"""Records of one question each: VLM-R1 and Geo-R1, ms-swift, TRL, and the words around their labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geogrounding.datasets import Samples, read_samples
from geogrounding.datasets.images import MalformedError
from geogrounding.datasets.readers.solutions import take_question, take_solution
from geogrounding.errors import InputError
from geogrounding.models.prompts import build_prompt
from geogrounding.types import Question
from tests import labelled

REC = "Please provide the bounding box coordinate of the region this sentence describes: the large ship on the left."
OVD = (
    "Please carefully check the image and detect the following objects: storage tank. Output each detected target's "
    'bbox coordinates in JSON format. The format of the bbox coordinates is:\n```json\n[\n    {"bbox_2d": [x1, y1, x2, '
    'y2], "label": "target name"}\n]\n```\nIf there are no such targets in the image, simply respond with None.'
)


def read(folder: Path, *records: Any, **options: Any) -> Samples:
    labelled.image(folder / "a.png")
    return read_samples(labelled.write_lines(folder / "train.jsonl", records), **options)


def test_vlm_r1_problem_and_solution(tmp_path: Path) -> None:
    record = {"id": 7, "image": "a.png", "problem": REC, "solution": [10, 20, 30, 40], "width": 64, "height": 48}
    got = read(tmp_path, record)
    assert got.format == "geo-r1"
    (sample,) = got.samples
    assert sample.expression == "the large ship on the left"
    assert sample.task == "refer"
    assert sample.boxes_px.tolist() == [[10, 20, 30, 40]]
    assert sample.labels == ("the large ship on the left",)
    assert sample.origin == "train.jsonl:1"
    assert sample.category == ""


def test_geo_r1_vrsbench_has_uniqueness_and_class(tmp_path: Path) -> None:
    record = {
        "image": "a.png",
        "problem": REC,
        "solution": [10, 20, 30, 40],
        "is_unique": False,
        "category": "small-vehicle",
    }
    (sample,) = read(tmp_path, record).samples
    assert (sample.unique, sample.category, sample.labels) == (False, "small vehicle", ("small vehicle",))


def test_vlm_r1_conversations_with_a_whole_answer(tmp_path: Path) -> None:
    answer = (
        "<think> Two round\n roofs. </think><answer>```json\n"
        '[{"bbox_2d": [1, 2, 13, 14], "label": "storage tank"}, '
        '{"bbox_2d": [20, 2, 33.5, 14], "label": "storage tank"}]'
        "\n```</answer>"
    )
    turns = [{"from": "human", "value": "<image>" + OVD}, {"from": "gpt", "value": answer}]
    (sample,) = read(tmp_path, {"id": 1, "image": "a.png", "conversations": turns}).samples
    assert sample.expression == "storage tank"
    assert sample.task == "detect"
    assert sample.boxes_px.tolist() == [[1, 2, 13, 14], [20, 2, 33.5, 14]]
    assert sample.category == "storage tank"
    assert sample.reasoning == "Two round roofs."


@pytest.mark.parametrize("solution", ["None", "none.", "<answer>None</answer>", "```json\nNone\n```", [], "[]"])
def test_no_such_target(tmp_path: Path, solution: Any) -> None:
    (sample,) = read(tmp_path, {"image": "a.png", "problem": OVD, "solution": solution}).samples
    assert sample.boxes_px.shape == (0, 4)
    assert sample.task == "detect"


def test_geo_r1_segmentation_takes_the_mask(tmp_path: Path) -> None:
    labelled.mask(tmp_path / "m.png", [(4, 5, 20, 25), (40, 30, 50, 44)])
    record = {"id": 1, "image": "a.png", "problem": "Where can aircraft park?", "mask": "m.png", "category": "apron"}
    (sample,) = read(tmp_path, record).samples
    assert sample.task == "segment"
    assert sample.expression == "Where can aircraft park?"
    assert sample.boxes_px.tolist() == [[4, 5, 20, 25], [40, 30, 50, 44]]
    assert sum(polygon.area for polygon in sample.polygons_px) == 16 * 20 + 10 * 14
    assert sample.labels == ("apron", "apron")


def test_a_mask_of_another_size_is_reported(tmp_path: Path) -> None:
    labelled.mask(tmp_path / "m.png", [(4, 5, 20, 25)], (32, 48))
    with pytest.raises(InputError, match="the mask has 32 x 48 pixels, the image 64 x 48"):
        read(tmp_path, {"image": "a.png", "problem": "apron", "mask": "m.png"})


def test_what_this_project_writes_says_expression_and_task(tmp_path: Path) -> None:
    record = {
        "image": "a.png",
        "problem": "any words",
        "solution": [{"bbox_2d": [1, 2, 3, 4], "label": "ship"}],
        "expression": "the ships",
        "task": "detect",
    }
    (sample,) = read(tmp_path, record).samples
    assert (sample.expression, sample.task, sample.labels, sample.category) == (
        "the ships",
        "detect",
        ("ship",),
        "ship",
    )


def test_a_json_list_reads_as_well_as_lines(tmp_path: Path) -> None:
    labelled.image(tmp_path / "a.png")
    record = {"image": "a.png", "problem": REC, "solution": [10, 20, 30, 40]}
    data = labelled.write_json(tmp_path / "test.json", [record, {"image": "a.png", "problem": REC}])
    got = read_samples(data)
    assert got.samples[0].origin == "test.json[0]"
    assert [(p.origin, p.reason) for p in got.problems] == [("test.json[1]", "the record has no solution")]


GOOD = {"image": "a.png", "problem": REC, "solution": [10, 20, 30, 40]}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"image": "a.png", ', "the line is not JSON"),
        ('"text"', "the line is not a JSON object"),
        (GOOD | {"image": "gone.png"}, "the image 'gone.png' is not in"),
        (GOOD | {"image": "../b.png"}, "is not in"),
        (GOOD | {"image": ["a.png", "a.png"]}, "has 2 images"),
        (GOOD | {"image": None}, "names no image"),
        (GOOD | {"image": "https://example.org/a.png"}, "is an address"),
        (GOOD | {"problem": None}, "the question is missing"),
        (GOOD | {"problem": "<image>"}, "the expression is empty"),
        (GOOD | {"problem": "x" * 600}, "600 characters"),
        (GOOD | {"problem": "ship\ud800"}, "characters that are not text"),
        (GOOD | {"solution": None}, "is the text None"),
        (GOOD | {"solution": ""}, "the solution is empty"),
        (GOOD | {"solution": "somewhere"}, "the solution is not JSON"),
        (GOOD | {"solution": 5}, "neither boxes nor None"),
        (GOOD | {"solution": [1, 2, 3]}, "a box of the solution is not a list of 4 numbers"),
        (GOOD | {"solution": [{"label": "ship"}]}, "a box of the solution is not a list of 4 numbers"),
        (GOOD | {"solution": [30, 20, 10, 40]}, "swapped"),
        (GOOD | {"solution": [100, 200, 300, 400]}, "lies outside the image of 64 x 48 pixels"),
        (GOOD | {"solution": "[" * 5000}, "the solution is not JSON"),
        (GOOD | {"width": 640, "height": 480}, "the labels are for 640 x 480 pixels"),
        (
            {"image": "a.png", "conversations": [{"from": "human", "value": REC}]},
            "not one turn of human and one",
        ),
        ({"image": "a.png", "conversations": 3}, "not a list of turns"),
    ],
)
def test_a_malformed_record_is_reported_by_line(tmp_path: Path, bad: Any, reason: str) -> None:
    got = read(tmp_path, GOOD, "", bad, GOOD)
    assert [sample.origin for sample in got.samples] == ["train.jsonl:1", "train.jsonl:4"]
    assert [problem.origin for problem in got.problems] == ["train.jsonl:3"]
    assert reason in got.problems[0].reason
    with pytest.raises(InputError, match=r"^train\.jsonl:3: "):
        read(tmp_path, GOOD, "", bad, GOOD, on_error="refuse")


def test_a_task_that_the_labels_cannot_serve_is_reported(tmp_path: Path) -> None:
    many = GOOD | {"solution": [[1, 2, 3, 4], [5, 6, 7, 8]]}
    got = read(tmp_path, GOOD, many, task="refer")
    assert len(got.samples) == 1
    assert got.problems[0].reason == "a sample of the task refer has one target at most, not 2"
    with pytest.raises(InputError, match="needs masks"):
        read(tmp_path, GOOD, task="segment")


def swift(user: str, assistant: str | None, objects: dict[str, Any], **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": user}]
    if assistant is not None:
        messages.append({"role": "assistant", "content": assistant})
    return {"messages": messages, "images": ["a.png"], "objects": objects} | more


def test_ms_swift_marks(tmp_path: Path) -> None:
    """The second example of its documentation."""
    objects = {"ref": ["sheep"], "bbox": [[9.9, 16.8, 13, 21.8], [36.9, 18.8, 49, 32.8]]}
    got = read(tmp_path, swift("<image>Find the <ref-object> in the image", "<bbox><bbox>", objects))
    assert got.format == "ms-swift"
    (sample,) = got.samples
    assert (sample.expression, sample.task, sample.labels) == ("sheep", "detect", ("sheep", "sheep"))
    assert sample.boxes_px.tolist() == objects["bbox"]


def test_ms_swift_labels_in_the_answer(tmp_path: Path) -> None:
    objects = {"ref": ["vehicles", "car", "truck"], "bbox": [[1, 2, 3, 4], [5, 6, 7, 8]]}
    (sample,) = read(
        tmp_path, swift("<image>Locate all <ref-object>.", "<bbox> is a <ref-object>, <bbox> a <ref-object>", objects)
    ).samples
    assert (sample.expression, sample.labels, sample.task) == ("vehicles", ("car", "truck"), "detect")


def test_ms_swift_shares_of_the_image(tmp_path: Path) -> None:
    objects = {"ref": ["ship"], "bbox": [[0.25, 0.5, 0.5, 1]], "bbox_type": "norm1"}
    (sample,) = read(tmp_path, swift("<image>Where is the <ref-object>?", "<bbox>", objects)).samples
    assert sample.boxes_px.tolist() == [[16, 24, 32, 48]]
    assert sample.task == "refer"


def test_ms_swift_without_an_answer_as_for_grpo(tmp_path: Path) -> None:
    objects = {"ref": ["ship"], "bbox": [[1, 2, 3, 4]]}
    (sample,) = read(tmp_path, swift("<image>Find the <ref-object>", None, objects)).samples
    assert sample.boxes_px.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (swift("<image>What is at <bbox>?", "<ref-object>", {"ref": ["ship"], "bbox": [[1, 2, 3, 4]]}), "holds a box"),
        (
            swift("<image>Describe it.", "<ref-object><bbox>, <ref-object><bbox>",
                  {"ref": ["a dog", "a woman"], "bbox": [[1, 2, 3, 4], [5, 6, 7, 8]]}),
            "does not say what to look for",
        ),
        (swift("<image>Open it", "click <bbox>", {"ref": [], "bbox": [[6, 2]]}), "not a list of 4 numbers"),
        (swift("<ref-object> or <ref-object>", "<bbox>", {"ref": ["x"], "bbox": [[1, 2, 3, 4]]}), "2 marks <ref-"),
        (swift("Find the <ref-object>", "<bbox><bbox>", {"ref": ["x"], "bbox": [[1, 2, 3, 4]]}), "2 marks <bbox>"),
        (swift("the <ref-object>", "<bbox>", {"ref": ["x"], "bbox": [[1, 2, 3, 4]], "image_id": [1]}), "second"),
        (swift("the <ref-object>", "<bbox>", {"ref": ["x"], "bbox": [[1, 2, 3, 4]], "bbox_type": "y"}), "bbox_type"),
        (swift("Find the <ref-object>", "<bbox>", {"ref": ["x"]}), "no objects with a list bbox"),
        (swift("Find the <ref-object>", "<bbox>", {"ref": [3], "bbox": [[1, 2, 3, 4]]}), "an entry of ref"),
        (swift("the <ref-object>", "<bbox>", {"ref": 3, "bbox": [[1, 2, 3, 4]]}), "ref of the objects is not a list"),
        (swift("the <ref-object>", "<bbox>", {"ref": ["x"], "bbox": [[1, 2, 3, 4]], "image_id": 1}), "is not a list"),
        ({"messages": 3, "images": ["a.png"], "objects": {"bbox": [[1, 2, 3, 4]]}}, "the messages are missing"),
    ],
)  # fmt: skip
def test_ms_swift_records_that_are_reported(tmp_path: Path, bad: Any, reason: str) -> None:
    good = swift("<image>Find the <ref-object>", "<bbox>", {"ref": ["ship"], "bbox": [[1, 2, 3, 4]]})
    got = read(tmp_path, good, bad)
    assert [problem.origin for problem in got.problems] == ["train.jsonl:2"]
    assert reason in got.problems[0].reason


def test_trl_messages_and_solution(tmp_path: Path) -> None:
    content = [{"type": "image"}, {"type": "text", "text": build_prompt(Question(expression="the ships"), "geo-r1")}]
    record = {
        "prompt": [{"role": "system", "content": "Think."}, {"role": "user", "content": content}],
        "images": ["a.png"],
        "solution": '[{"bbox_2d": [1, 2, 3, 4], "label": "ship"}]',
    }
    got = read(tmp_path, record)
    assert got.format == "trl"
    (sample,) = got.samples
    assert (sample.expression, sample.task, sample.category) == ("the ships", "detect", "ship")


@pytest.mark.parametrize(
    "answer",
    [
        {"completion": "<think>x</think><answer>[[1, 2, 3, 4]]</answer>"},
        {"completion": [{"role": "assistant", "content": [{"type": "text", "text": "[[1, 2, 3, 4]]"}]}]},
    ],
)
def test_trl_text_and_completion(tmp_path: Path, answer: dict[str, Any]) -> None:
    record = {"prompt": "<image>refer: the ship on the left", "images": [{"path": "a.png", "bytes": None}]} | answer
    (sample,) = read(tmp_path, record).samples
    assert (sample.expression, sample.task) == ("the ship on the left", "refer")
    assert sample.boxes_px.tolist() == [[1, 2, 3, 4]]


def test_trl_messages_alone(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "<image>Find all ships."}, {"role": "assistant", "content": "None"}]
    (sample,) = read(tmp_path, {"messages": messages, "images": ["a.png"]}).samples
    assert (sample.expression, sample.task, len(sample.boxes_px)) == ("ships", "detect", 0)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"prompt": "ship", "images": ["a.png"]}, "neither solution nor completion"),
        ({"prompt": [], "images": ["a.png"], "solution": "None"}, "there is no message of the user"),
        ({"prompt": [{"role": "user", "content": 3}], "images": ["a.png"], "solution": "None"}, "is not a text"),
        ({"prompt": "ship", "images": [], "solution": "None"}, "has 0 images"),
        ({"prompt": "ship", "solution": "None"}, "names no image"),
        ({"prompt": "ship", "images": ["a.png"], "solution": None}, "is the text None"),
    ],
)
def test_trl_records_that_are_reported(tmp_path: Path, bad: Any, reason: str) -> None:
    got = read(tmp_path, {"prompt": "ship", "images": ["a.png"], "solution": "None"}, bad)
    assert [problem.origin for problem in got.problems] == ["train.jsonl:2"]
    assert reason in got.problems[0].reason


@pytest.mark.parametrize(
    ("question", "expression", "task"),
    [
        (REC, "the large ship on the left", "refer"),
        (REC + " First output the thinking process in <think> </think> tags.", "the large ship on the left", "refer"),
        (OVD, "storage tank", "detect"),
        ("<image>\n" + OVD, "storage tank", "detect"),
        ("detect the following objects: ['ship', 'car'].\nOutput it.", "ship, car", "detect"),
        ("Locate the ship near the pier, output the bbox coordinates using JSON format", "ship near the pier", None),
        ("Find every car in this image.", "car", "detect"),
        ("Find the <|object_ref_start|>sheep<|object_ref_end|> in the image", "sheep", None),
        ("detect: airplane", "airplane", "detect"),
        ("segment: the runway", "the runway", "segment"),
        ("the yacht that I think is moored", "the yacht that I think is moored", None),
        ("Where would you land?", "Where would you land?", None),
    ],
)
def test_questions_are_taken_apart(question: str, expression: str, task: str | None) -> None:
    asked = take_question(question)
    assert (asked.expression, asked.task) == (expression, task)


@pytest.mark.parametrize("style", ["geo-r1", "qwen3"])
@pytest.mark.parametrize("task", ["refer", "detect"])
def test_the_prompts_of_this_project_are_taken_apart(style: Any, task: Any) -> None:
    question = Question(expression="the ship's crane. First of two", task=task)
    asked = take_question(build_prompt(question, style))
    assert (asked.expression, asked.known) == (question.expression, True)
    assert asked.task == task


def test_key_points_come_with_the_boxes_of_the_task_segment() -> None:
    solved = take_solution('[{"bbox_2d": [1, 2, 3, 4], "keypoint1": [1, 2], "keypoint2": [2, 3]}]')
    assert solved.points
    assert solved.boxes == ((1, 2, 3, 4),)
    with pytest.raises(MalformedError):
        take_solution({"bbox_2d": [1, 2, 3]})
