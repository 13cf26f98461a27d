"""From a trained detector to a model: grown weights say what they said, and calibrated scores mean the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from geogrounding.models.builtin.regions import RegionHead
from recipes.builtin_model.assemble import _grown, assemble, main
from recipes.builtin_model.calibration import BEST_F1_AT, platt
from recipes.builtin_model.corpora import CLASSES
from recipes.builtin_model.end_to_end import KEPT_CLASSES, fold, grown_head, load_start, unfold
from recipes.builtin_model.matching import Hits
from recipes.builtin_model.weights import load


def old_head() -> RegionHead:
    torch.manual_seed(0)
    return RegionHead(feature_width=768, feature_parts=2, width=160, fine=64, classes=KEPT_CLASSES, patch_px=14).eval()


def test_a_grown_head_says_what_the_narrow_one_said() -> None:
    old = old_head()
    new = grown_head(old.state_dict()).eval()
    features, pixels = torch.randn(1, 576, 768), torch.randn(1, 3, 336, 336)
    with torch.no_grad():
        before, after = old(features, pixels), new(features, pixels)
    assert torch.allclose(before.boxes_px, after.boxes_px, atol=1e-3)
    assert torch.allclose(before.logits[:, :KEPT_CLASSES], after.logits[:, :KEPT_CLASSES], atol=1e-4)
    assert torch.allclose(before.logits[:, -1], after.logits[:, -1], atol=1e-4)
    assert after.logits[:, KEPT_CLASSES:-1].sigmoid().mean() < 0.1, "new classes start out silent"


def test_a_grown_reader_reads_old_scores_as_before() -> None:
    torch.manual_seed(1)
    code = 12
    old, new = torch.randn(8, 2 * (KEPT_CLASSES + 1) + code), torch.zeros(8, 2 * (len(CLASSES) + 1) + code)
    grown = _grown("reader.known.weight", old, new, classes=KEPT_CLASSES)
    scores, odds, place = torch.rand(KEPT_CLASSES + 1), torch.randn(KEPT_CLASSES + 1), torch.randn(code)
    more = len(CLASSES) - KEPT_CLASSES

    def wide(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x[:-1], torch.full((more,), 9.0), x[-1:]])

    assert torch.allclose(
        grown @ torch.cat([wide(scores), wide(odds), place]), old @ torch.cat([scores, odds, place]), atol=1e-5
    )
    with pytest.raises(ValueError, match="grown"):
        _grown("reader.place", old, new, classes=KEPT_CLASSES)


def test_a_folded_calibration_moves_one_class_and_no_other() -> None:
    head = old_head()
    features, pixels = torch.randn(1, 576, 768), torch.randn(1, 3, 336, 336)
    with torch.no_grad():
        before = head(features, pixels)
        fold(head, [1.0] * 3 + [0.5] + [1.0] * (KEPT_CLASSES - 4), [0.0] * 3 + [0.7] + [0.0] * (KEPT_CLASSES - 4))
        after = head(features, pixels)
    assert torch.allclose(after.logits[:, 3], before.logits[:, 3] * 0.5 + 0.7, atol=1e-4)
    kept = [n for n in range(KEPT_CLASSES + 1) if n != 3]
    assert torch.allclose(after.logits[:, kept], before.logits[:, kept], atol=1e-6)
    assert torch.equal(after.boxes_px, before.boxes_px)


def test_training_goes_on_from_logits_without_their_calibration() -> None:
    head = old_head()
    before = {name: value.clone() for name, value in head.state_dict().items()}
    calibration = [[1.5 + n / 10, n - 6.0] for n in range(KEPT_CLASSES)]
    fold(head, *zip(*calibration, strict=True))
    assert not torch.allclose(head.out.weight, before["out.weight"])
    unfold(head, calibration)
    assert all(torch.allclose(value, before[name], atol=1e-5) for name, value in head.state_dict().items())


@pytest.mark.parametrize("shift", [-2.0, 0.0, 1.5])
def test_f1_is_best_at_the_default_score_wherever_the_scores_lay(shift: float) -> None:
    rng = np.random.default_rng(0)
    odds = np.sort(rng.normal(0, 2, 4000))[::-1]
    right = rng.random(4000) < 1 / (1 + np.exp(-odds))
    hits = Hits(scores=1 / (1 + np.exp(-(odds + shift))), right=right, targets=int(right.sum() * 1.1))
    slope, moved = platt(hits)
    again = 1 / (1 + np.exp(-((odds + shift) * slope + moved)))
    calibrated = Hits(scores=again, right=right, targets=hits.targets)
    assert calibrated.f1(BEST_F1_AT) > 0.985 * calibrated.best_threshold()[1]
    assert slope == pytest.approx(1.0, abs=0.15), "these logits were right up to the shift"


def test_a_model_is_made_from_a_tower_alone(tmp_path: Path) -> None:
    """The first steps of the recipe: tower, detector, model, without any weights of before."""
    from safetensors.torch import save_file
    from transformers import Dinov2Model

    from geogrounding.models import builtin
    from geogrounding.types import Question
    from recipes.builtin_model.backbone import vision_config

    torch.manual_seed(0)
    tower = Dinov2Model(vision_config()).half().state_dict()
    save_file({k: v.contiguous() for k, v in tower.items()}, tmp_path / "vision.safetensors")
    detector = load_start(tmp_path)
    trained = {n: p.detach() for n, p in detector.named_parameters() if p.requires_grad}
    torch.save(trained, tmp_path / "detector.pt")
    assemble(tmp_path, tmp_path / "detector.pt", tmp_path / "model")
    made, _ = load(tmp_path / "model")
    assert made.config.classes == list(CLASSES)
    assert torch.allclose(made.region_head.out.weight, detector.head.out.weight.float(), atol=2e-3)
    [[answer]] = builtin.load(tmp_path / "model").ground(
        [np.full((336, 336, 3), 90, np.uint8)], [Question(expression="ship", task="detect")]
    )
    assert answer.error is None

    # a model that never saw a class does not list it either, so that teaching may
    detector_file, less_folder = str(tmp_path / "detector.pt"), str(tmp_path / "less")
    where = ["--start", str(tmp_path), "--detector", detector_file, "--out", less_folder]
    main(["model", *where, "--without", "airplane", "tree"])
    main(["narrow", "--out", less_folder])
    less, _ = load(tmp_path / "less")
    assert less.config.classes == [name for name in CLASSES if name not in ("airplane", "tree")]
