"""Kind: open-vocabulary detectors behind ``--model``: their own boxes and scores, one label per question."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from geogrounding.errors import ModelError, SettingsError
from geogrounding.geometry.boxes import iou_matrix
from geogrounding.geometry.masks import unpack_mask
from geogrounding.models import load_model
from geogrounding.models.base import Model
from geogrounding.models.detectors.kinds import KINDS, kind_by_name, kind_of
from geogrounding.models.hf.checkpoint import quiet
from geogrounding.types import Question
from tests.integration.tiny_detectors import KINDS as BUILT
from tests.integration.tiny_detectors import SIDES, save_tiny_detector

pytestmark = pytest.mark.usefixtures("one_thread")

SHIP, CAR = Question(expression="ship"), Question(expression="red car")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    built: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in built:
            built[kind] = save_tiny_detector(tmp_path_factory.mktemp("detectors") / kind, kind)
        return built[kind]

    return folder


def image(width: int, height: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def by_hand(folder: Path, kind: str, phrase: str) -> Callable[[np.ndarray[Any, Any]], tuple[float, list[float]]]:
    """A function that returns the best score and its box of an image of the model's size, from the raw outputs.

    Boxes of less than a pixel are passed over: random weights make many.
    """
    import transformers

    library: Any = transformers
    with quiet():
        auto = library.Sam3Model if kind == "sam3" else library.AutoModelForZeroShotObjectDetection
        model = auto.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = library.AutoTokenizer.from_pretrained(folder)

    def best(pixels: np.ndarray[Any, Any]) -> tuple[float, list[float]]:
        values = torch.from_numpy(((pixels.astype(np.float32) / 255 - 0.5) / 0.25).transpose(2, 0, 1).copy())[None]
        with torch.inference_mode():
            if kind.endswith("dino"):
                inputs = tokenizer(f"{phrase}.", return_tensors="pt")
                output = model(pixel_values=values, **inputs)
                words = slice(1, inputs["input_ids"].shape[1] - 2)  # between [CLS] and the full stop
                scores = output.logits[0, :, words].sigmoid().amax(dim=-1)
            elif kind == "sam3":
                inputs = tokenizer(phrase, return_tensors="pt", padding="max_length", max_length=32)
                output = model(pixel_values=values, **inputs)
                scores = output.pred_logits[0].sigmoid() * output.presence_logits[0].sigmoid()
            elif kind == "omdet-turbo":
                said: dict[str, Any] = {"padding": "max_length", "max_length": 77, "return_tensors": "pt"}
                name, task = tokenizer([phrase], **said), tokenizer([f"Detect {phrase}."], **said)
                output = model(
                    pixel_values=values,
                    classes_input_ids=name["input_ids"],
                    classes_attention_mask=name["attention_mask"],
                    tasks_input_ids=task["input_ids"],
                    tasks_attention_mask=task["attention_mask"],
                    classes_structure=torch.tensor([1]),
                )
                scores = output.decoder_class_logits[0, :, 0].sigmoid()
            else:
                inputs = tokenizer([phrase], return_tensors="pt", padding="max_length", max_length=16)
                output = model(pixel_values=values, **inputs)
                scores = output.logits[0, :, 0].sigmoid()
        side = float(pixels.shape[0])
        boxes = (output.decoder_coord_logits if kind == "omdet-turbo" else output.pred_boxes)[0]
        if kind != "sam3":
            boxes = torch.cat([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], dim=1)
        boxes = (boxes * side).clamp(0, side)
        whole = ((boxes[:, 2:] - boxes[:, :2]) > 1).all(dim=1)
        if not whole.any():
            return 0.0, []
        index = int(torch.where(whole, scores, -1.0).argmax())
        return float(scores[index]), boxes[index].tolist()

    return best


@pytest.mark.parametrize("kind", BUILT)
@pytest.mark.parametrize("phrase", ["ship", "red car"])
def test_best_box_and_score_are_those_of_the_model(folders: Any, kind: str, phrase: str) -> None:
    best = by_hand(folders(kind), kind, phrase)
    model = load_model(str(folders(kind)), device="cpu")
    compared = 0
    for seed in range(12):
        pixels = image(SIDES[kind], SIDES[kind], seed)
        score, box = best(pixels)
        [[answer]] = model.ground([pixels], [Question(expression=phrase)])
        assert {found.label for found in answer.detections} <= {phrase}
        if score < 0.03:
            continue
        first = next(f for f in answer.detections if min(np.diff(np.reshape(f.box_chip_px, (2, 2)), axis=0)[0]) > 1)
        assert first.score == pytest.approx(score, rel=1e-3)
        assert first.box_chip_px == pytest.approx(box, abs=0.05)
        compared += 1
        if compared == 3:
            break
    assert compared, "no image has a box"


@pytest.mark.parametrize("kind", BUILT)
def test_answers_keep_the_promises_of_a_model(folders: Any, kind: str) -> None:
    model = load_model(str(folders(kind)), device="cpu")
    assert isinstance(model, Model)
    images = [image(80, 50), image(64, 64, 1), image(33, 120, 2)]
    answers = model.ground(images, [SHIP, CAR])
    assert [len(row) for row in answers] == [2, 2, 2]
    for pixels, row in zip(images, answers, strict=True):
        height, width = pixels.shape[:2]
        for answer in row:
            assert answer.error is None
            scores = [found.score for found in answer.detections]
            assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]
            boxes = np.array([found.box_chip_px for found in answer.detections]).reshape(-1, 4)
            assert (boxes[:, :2] < boxes[:, 2:]).all()
            assert (boxes >= 0).all()
            assert (boxes <= [width, height, width, height]).all()
            overlaps = iou_matrix(boxes, boxes) - np.eye(len(boxes))
            assert not len(boxes) or overlaps.max() <= 0.5
    assert model.ground(images, [SHIP, CAR]) == answers
    assert model.conventions.min_score > 0
    model.close()
    with pytest.raises(ModelError, match="closed"):
        model.ground(images, [SHIP])


@pytest.mark.parametrize("kind", ["owlvit", "owlv2", "sam3"])
def test_a_question_is_answered_the_same_whatever_is_asked_with_it(folders: Any, kind: str) -> None:
    model = load_model(str(folders(kind)), device="cpu", batch_size=1)
    found = 0
    for seed in range(4):
        pixels = image(64, 64, seed)
        [[alone]] = model.ground([pixels], [CAR])
        [[_, beside]] = model.ground([pixels], [SHIP, CAR])
        boxes = [np.array([one.box_chip_px for one in answer.detections]) for answer in (alone, beside)]
        np.testing.assert_allclose(boxes[0], boxes[1], atol=1e-2)
        found += len(boxes[0])
    assert found


def test_many_questions_go_into_several_passes(folders: Any) -> None:
    model = load_model(str(folders("grounding-dino")), device="cpu")
    long = [Question(expression=" ".join(["airplane"] * 30 + ["ship"] * index)) for index in range(12)]
    [answers] = model.ground([image(64, 64)], long)
    assert all(answer.detections for answer in answers)
    [[alone]] = model.ground([image(64, 64)], long[:1])
    assert alone.detections


def test_a_full_stop_in_an_expression_parts_nothing(folders: Any) -> None:
    model = load_model(str(folders("grounding-dino")), device="cpu")
    pixels = image(64, 64)
    [[plain, stopped]] = model.ground([pixels], [Question(expression="red car"), Question(expression="red. car?")])
    assert stopped.detections
    assert {found.label for found in stopped.detections} == {"red. car?"}
    assert plain.detections


@pytest.mark.parametrize("kind", ["grounding-dino", "owlv2"])
def test_refer_gives_the_best_box(folders: Any, kind: str) -> None:
    model = load_model(str(folders(kind)), device="cpu")
    pixels = image(80, 50)
    [[one, every]] = model.ground([pixels], [Question(expression="ship", task="refer"), SHIP])
    assert len(one.detections) == 1
    assert one.detections[0].box_chip_px == every.detections[0].box_chip_px


@pytest.mark.parametrize("option", ["adapter", "coordinates", "box_order", "style", "max_new_tokens", "max_pixels"])
def test_options_of_language_models_are_refused(folders: Any, option: str) -> None:
    values: dict[str, Any] = {
        "adapter": "x", "coordinates": "per-mille", "box_order": "yxyx", "style": "qwen3", "max_new_tokens": 9,
        "max_pixels": 9999,
    }  # fmt: skip
    with pytest.raises(SettingsError, match=option):
        load_model(str(folders("owlv2")), **{option: values[option]})


@pytest.mark.parametrize("name", ["preprocessor_config.json", "config.json", "model.safetensors", "tokenizer"])
def test_folders_that_lack_a_file_are_refused(folders: Any, tmp_path: Path, name: str) -> None:
    place = tmp_path / "model"
    place.mkdir()
    for path in folders("owlv2").iterdir():
        if not path.name.startswith(name):
            (place / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ModelError) as caught:
        load_model(str(place), device="cpu")
    assert caught.value.hint


def test_damaged_folders_are_refused(folders: Any, tmp_path: Path) -> None:
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    for path in folders("owlv2").iterdir():
        (lacking / path.name).write_bytes(path.read_bytes())
    tensors = load_file(lacking / "model.safetensors")
    tensors.pop("class_head.dense0.weight")
    save_file(tensors, lacking / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="lacks 1 weights"):
        load_model(str(lacking), device="cpu")
    (lacking / "preprocessor_config.json").write_text(json.dumps({"size": "large"}))
    with pytest.raises(ModelError, match="how images are prepared"):
        load_model(str(lacking), device="cpu")


@pytest.mark.skipif(find_spec("timm") is not None, reason="timm is installed here")
def test_a_missing_package_is_named(folders: Any, tmp_path: Path) -> None:
    place = tmp_path / "omdet"
    place.mkdir()
    for path in folders("owlv2").iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    (place / "config.json").write_text(json.dumps({"model_type": "omdet-turbo"}))
    with pytest.raises(ModelError, match="needs the package timm") as caught:
        load_model(str(place), device="cpu")
    assert caught.value.hint == "pip install timm"


@pytest.mark.parametrize(
    "name",
    ["IDEA-Research/grounding-dino-tiny", "google/owlv2-base-patch16-ensemble", "google/owlvit-base-patch32",
     "omlab/omdet-turbo-swin-tiny-hf", "facebook/sam3", "rziga/mm_grounding_dino_tiny_o365v1_goldg"],
)  # fmt: skip
def test_hub_names_of_detectors(name: str) -> None:
    assert kind_by_name(name)


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-VL-3B-Instruct", "facebook/sam2-hiera-tiny", "facebook/dinov2-base"])
def test_hub_names_of_others(name: str) -> None:
    assert not kind_by_name(name)


def test_kinds_are_those_that_transformers_has() -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES  # type: ignore[attr-defined]

    for kind in KINDS:
        assert kind.model_type in CONFIG_MAPPING_NAMES
        assert kind_of(kind.model_type) is kind


def test_sam_3_draws_what_it_finds(folders: Any) -> None:
    """Masks are those of the model's own outputs, enlarged to the image and cut at the box."""
    import transformers

    folder, side = folders("sam3"), SIDES["sam3"]
    model = load_model(str(folder), device="cpu")
    library: Any = transformers
    with quiet():
        raw = library.Sam3Model.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = library.AutoTokenizer.from_pretrained(folder)(
        "ship", return_tensors="pt", padding="max_length", max_length=32
    )
    compared = drawn = 0
    for seed in range(6):
        pixels = image(side, side, seed)
        values = torch.from_numpy(((pixels.astype(np.float32) / 255 - 0.5) / 0.25).transpose(2, 0, 1).copy())[None]
        with torch.inference_mode():
            output = raw(pixel_values=values, **tokens)
        logits = torch.nn.functional.interpolate(output.pred_masks, (side, side), mode="bilinear")[0].numpy()
        boxes = (output.pred_boxes[0] * side).clamp(0, side).numpy()
        [[answer]] = model.ground([pixels], [SHIP])
        for found in answer.detections:
            box = np.array(found.box_chip_px)
            index = int(np.abs(boxes - box).max(axis=1).argmin())
            inside = np.zeros((side, side), np.bool_)
            (x0, y0), (x1, y1) = np.floor(box[:2]).astype(int), np.ceil(box[2:]).astype(int)
            inside[y0:y1, x0:x1] = True
            expected = (logits[index] > 0) & inside
            shown = np.zeros_like(expected)
            if found.mask is not None:
                left, top, right, bottom = found.mask.window_chip_px
                shown[top:bottom, left:right] = unpack_mask(found.mask)
            sure = np.abs(logits[index]) > 1e-3
            assert (shown == expected)[sure].all()
            compared += 1
            drawn += found.mask is not None
    assert compared
    assert drawn
    model.close()


def test_the_published_checkpoint_of_sam_3_is_its_detector_and_its_tracker(
    folders: Callable[[str], Path], tmp_path: Path
) -> None:
    alone = folders("sam3")
    for file in alone.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((alone / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "sam3_video", "detector_config": config}))
    weights = {f"detector_model.{name}": tensor for name, tensor in load_file(alone / "model.safetensors").items()}
    weights["tracker_model.no_memory_embedding"] = torch.zeros(1, 1, 32)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    pixels = [image(112, 112)]
    answers = [load_model(str(folder), device="cpu").ground(pixels, [SHIP]) for folder in (alone, tmp_path)]
    assert answers[0] == answers[1]
