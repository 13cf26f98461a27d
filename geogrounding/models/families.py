"""How each model family writes boxes: one table for local model types and for the names that servers give.

The numbers in a reply mean nothing without a convention: their range, the order of the four numbers of a box, and the
image they refer to. ``by_model_type`` finds the family of a transformers checkpoint, ``by_name`` that of a server's
model name, and both return the same entry. docs/models.md holds the table as text
(``models.families_table``); a test compares the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from geogrounding.types import BoxOrder, CoordinateConvention, PromptStyle

Evidence = Literal["run", "read", "guess"]
"""``run``: seen from the family's own processor. ``read``: stated by the family's own sources. ``guess``: neither."""

ImageSeen = Literal["whole", "resized", "square"]
"""Which image the numbers refer to. ``whole``: any range that is relative to the sides, so that resizing does not
matter. ``resized``: pixels of the image after the processor resized it. ``square``: the processors of the family pad
oblong images to a square or cut off their ends, so that images are stretched to a square before they are given."""

Certainty = Literal["given", "family", "assumed"]
"""Where a convention comes from: the user gave it, the family is in the table, or nothing is known."""

_UNITS: dict[CoordinateConvention, float] = {
    "per-mille": 1000.0,
    "per-1024": 1024.0,
    "fractions": 1.0,
    "percent": 100.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxConvention:
    """What the numbers of a reply mean."""

    coordinates: CoordinateConvention
    order: BoxOrder = "xyxy"
    """Of boxes written as four numbers in a row; named corners (``x1``, ``ymin``) name themselves."""
    unit: float | None = None
    """Number that stands for the far side of the image; None: that of ``coordinates``."""
    certainty: Certainty = "given"
    """Of ``coordinates``."""
    order_certainty: Certainty = "given"

    def size(self, image_size_px: tuple[int, int], model_size_px: tuple[int, int]) -> tuple[float, float]:
        """The numbers that stand for (width, height) of the image.

        Args:
            image_size_px: (width, height) of the image that was given to the model.
            model_size_px: (width, height) of the image after it was resized for the model.
        """
        if self.coordinates == "resized-pixels":
            return float(model_size_px[0]), float(model_size_px[1])
        if self.coordinates == "original-pixels":
            return float(image_size_px[0]), float(image_size_px[1])
        unit = self.unit or _UNITS[self.coordinates]
        return unit, unit

    @property
    def needs_image_size(self) -> bool:
        """Whether the numbers are pixels of the resized image, whose size must then be known."""
        return self.coordinates == "resized-pixels"

    @property
    def in_words(self) -> str:
        """The convention as one phrase, for messages."""
        ranges: dict[CoordinateConvention, str] = {
            "resized-pixels": "pixels of the resized image",
            "original-pixels": "pixels of the original image",
            "per-mille": f"0 to {self.unit or 1000:g} over each side",
            "per-1024": "0 to 1024 over each side",
            "fractions": "fractions of each side",
            "percent": "percent of each side",
        }
        return f"{ranges[self.coordinates]}, order {self.order}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One model family."""

    name: str
    pattern: str
    """Regular expression, searched in a server's model name in lower case with ``-`` for ``_`` and spaces."""
    model_types: tuple[str, ...] = ()
    """``model_type`` in config.json of transformers checkpoints."""
    coordinates: CoordinateConvention
    order: BoxOrder = "xyxy"
    unit: float | None = None
    image: ImageSeen = "whole"
    style: PromptStyle = "qwen3"
    form: str
    """How the family writes boxes when it is left to itself."""
    none: str = "an empty list, or words"
    """How the family says that there is no such object, where its sources say so."""
    source: str
    evidence: Evidence = "read"
    refusal: str = ""
    """Why the family cannot be used here, empty where it can."""

    @property
    def convention(self) -> BoxConvention:
        """What the numbers of its replies mean."""
        return BoxConvention(
            coordinates=self.coordinates,
            order=self.order,
            unit=self.unit,
            certainty="assumed" if self.evidence == "guess" else "family",
            order_certainty="assumed" if self.evidence == "guess" else "family",
        )


_POINTS = "it answers with points, and a polygon needs a box"

FAMILIES: tuple[Family, ...] = (
    # Names are compared in this order: families that are built on another one, and carry its name, come first.
    Family(
        name="PaliGemma 1 and 2",
        pattern=r"pali-?gemma",
        model_types=("paligemma",),
        coordinates="per-1024",
        order="yxyx",
        form="<loc0000> to <loc1023>, y first",
        source="google-gemini/gemma-cookbook, PaliGemma notebooks; google-research/big_vision, README",
    ),
    Family(
        name="Gemini",
        pattern=r"gemini",
        coordinates="per-mille",
        order="yxyx",
        form='{"box_2d": [ymin, xmin, ymax, xmax]}',
        source="google-gemini/cookbook, quickstarts/Spatial_understanding.ipynb",
    ),
    Family(
        name="InternVL 2 to 3.5, Intern-S1",
        pattern=r"intern-?vl|intern-?s1",
        model_types=("internvl", "internvl_chat", "interns1"),
        coordinates="per-mille",
        form="<ref>..</ref><box>[[x1, y1, x2, y2]]</box>",
        source="OpenGVLab/InternVL, issue 844; open-compass/VLMEvalKit, internvl_chat.py",
    ),
    Family(
        name="LLaVA",
        pattern=r"llava",
        model_types=(
            "llava",
            "llava_next",
            "llava_onevision",
            "vipllava",
            "video_llava",
            "llava_next_video",
        ),
        coordinates="fractions",
        image="square",
        form="[x1, y1, x2, y2] from 0 to 1",
        source="haotian-liu/LLaVA, training data of RefCOCO",
    ),
    Family(
        name="MiniCPM-V, MiniCPM-o",
        pattern=r"mini-?cpm.*-?[vo]",
        model_types=("minicpmv", "minicpmo", "minicpmv4_6", "minicpmv4_7"),
        coordinates="per-mille",
        form="<ref>..</ref><box>x1 y1 x2 y2</box>",
        source="OpenBMB/MiniCPM-V, issues 982 and 772",
    ),
    Family(
        name="DeepSeek-VL2, DeepSeek-OCR",
        pattern=r"deepseek-?(?:vl-?v?2|ocr)",
        model_types=("deepseek_vl_v2", "deepseek_vl2", "deepseek_ocr", "deepseek_ocr2"),
        coordinates="per-mille",
        unit=999.0,
        form="<|ref|>..<|/ref|><|det|>[[x1, y1, x2, y2]]<|/det|>",
        source="deepseek-ai/DeepSeek-VL2, serve/app_modules/utils.py",
    ),
    Family(
        name="Ovis 2",
        pattern=r"\bovis",
        model_types=("ovis2", "ovis2_5"),
        coordinates="fractions",
        form="[x1, y1, x2, y2] from 0 to 1",
        source="none found",
        evidence="guess",
    ),
    Family(
        name="LFM2-VL",
        pattern=r"lfm-?[23][\d.]*-?vl",
        model_types=("lfm2_vl", "lfm3_vl"),
        coordinates="fractions",
        form="[x1, y1, x2, y2] from 0 to 1",
        source="none found",
        evidence="guess",
    ),
    Family(
        name="Molmo 1",
        pattern=r"molmo(?!e?-?2)",
        model_types=("molmo",),
        coordinates="percent",
        form='<point x="1.5" y="2.5" alt="..">',
        source="allenai/molmo2, olmo/preprocessing/point_formatter.py",
        refusal=_POINTS,
    ),
    Family(
        name="Molmo 2",
        pattern=r"molmo-?2",
        model_types=("molmo2",),
        coordinates="per-mille",
        form='<points coords="1 1 x y">',
        source="allenai/molmo2, olmo/preprocessing/point_formatter.py",
        refusal=_POINTS,
    ),
    Family(
        name="Kimi-VL, Kimi K2.5",
        pattern=r"\bkimi",
        model_types=("kimi_vl", "kimi_k25"),
        coordinates="fractions",
        form="[x1, y1, x2, y2] from 0 to 1",
        source="MoonshotAI/Kimi-VL, issue 56; web-infra-dev/midscene, models/kimi.ts",
    ),
    Family(
        name="Moondream",
        pattern=r"moondream",
        model_types=("moondream", "moondream1", "moondream3"),
        coordinates="fractions",
        form='{"x_min": 0.1, "y_min": 0.2, "x_max": 0.3, "y_max": 0.4}',
        source="vikhyat/moondream",
    ),
    Family(
        name="Fuyu",
        pattern=r"\bfuyu",
        model_types=("fuyu",),
        coordinates="resized-pixels",
        order="yxyx",
        image="resized",
        form="<box>top, left, bottom, right</box>",
        source="transformers, processing_fuyu.py",
        evidence="run",
        refusal="its numbers are halved pixels of an image whose size is not known",
    ),
    Family(
        name="Kosmos-2",
        pattern=r"kosmos",
        model_types=("kosmos-2",),
        coordinates="fractions",
        image="square",
        form="<patch_index_0000> to <patch_index_1023>, cells of a 32 x 32 grid",
        source="transformers, processing_kosmos2.py",
        evidence="run",
    ),
    Family(
        name="Florence-2",
        pattern=r"florence-?2",
        model_types=("florence2",),
        coordinates="per-mille",
        image="square",
        form="<loc_0> to <loc_999>, x first, centre of the bin",
        source="transformers, processing_florence2.py",
        evidence="run",
    ),
    Family(
        name="CogVLM, CogAgent",
        pattern=r"cog-?(?:vlm|agent)",
        model_types=("cogvlm", "cogvlm2"),
        coordinates="per-mille",
        unit=999.0,
        form="[[x1, y1, x2, y2]] as 000 to 999",
        source="THUDM/CogVLM, README",
    ),
    Family(
        name="GLM-4V to GLM-5V",
        pattern=r"glm-?[45](?:[.p-]?\d+)?-?v|auto-?glm",
        model_types=("glm4v", "glm4v_moe", "glm46v", "glm5v"),
        coordinates="per-mille",
        form="<|begin_of_box|>[[x1, y1, x2, y2]]<|end_of_box|>; box_2d is x first",
        source="zai-org/GLM-V, README and examples/gui-agent",
    ),
    Family(
        name="Doubao and Seed vision models",
        pattern=r"doubao|\bseed-?[1-9]|seed-?vl",
        coordinates="per-mille",
        form="<bbox>x1 y1 x2 y2</bbox>",
        source="Volcengine Ark, documentation of visual grounding",
    ),
    Family(
        name="Qwen3-VL, Qwen3.5, Qwen3-Omni",
        pattern=r"qwen-?3",
        model_types=(
            "qwen3_vl",
            "qwen3_vl_moe",
            "qwen3_5",
            "qwen3_5_moe",
            "qwen3_omni_moe",
            "qwen3_omni_moe_thinker",
        ),
        coordinates="per-mille",
        form='{"bbox_2d": [x1, y1, x2, y2]}',
        source="modelscope/ms-swift, templates/qwen.py; QwenLM/Qwen3-VL, cookbooks/2d_grounding.ipynb",
    ),
    Family(
        name="Qwen2.5-VL, Qwen2.5-Omni, MiMo-VL, Geo-R1, VLM-R1",
        pattern=r"qwen-?2[.p-]?5-?(?:vl|omni)|mimo-?vl|geo-?r1|vlm-?r1",
        model_types=("qwen2_5_vl", "qwen2_5_omni", "qwen2_5_omni_thinker"),
        coordinates="resized-pixels",
        image="resized",
        style="geo-r1",
        form='{"bbox_2d": [x1, y1, x2, y2]}',
        none="the word None (Geo-R1), or words",
        source="modelscope/ms-swift, templates/qwen.py; QwenLM/Qwen3-VL, cookbooks/2d_grounding.ipynb",
    ),
    Family(
        name="Qwen2-VL, Qwen-VL-Chat",
        pattern=r"qwen-?2-?vl|qwen-?vl-?chat",
        model_types=("qwen2_vl",),
        coordinates="per-mille",
        form="<|box_start|>(x1,y1),(x2,y2)<|box_end|>",
        source="modelscope/ms-swift, templates/qwen.py",
    ),
    Family(
        name="Gemma 3 and 4",
        pattern=r"gemma-?[34]|med-?gemma",
        model_types=("gemma3", "gemma3n", "gemma4", "gemma4_unified"),
        coordinates="per-mille",
        order="yxyx",
        form='{"box_2d": [ymin, xmin, ymax, xmax]}; Gemma 3 was not trained for boxes',
        source="ai.google.dev/gemma, as cited by Burhan-Q/gemma4",
    ),
)

UNKNOWN_LOCAL = BoxConvention(coordinates="per-mille", certainty="assumed", order_certainty="assumed")
"""Assumed of a local model of an unknown family: the prompt asks for 0 to 1000, and any processor may resize."""
UNKNOWN_SERVER = BoxConvention(coordinates="resized-pixels", certainty="assumed", order_certainty="assumed")
"""Assumed of a server's model of an unknown family: images are sent at a size that processors keep."""


def by_model_type(model_type: str) -> Family | None:
    """The family of a transformers checkpoint, by ``model_type`` of its config.json; None when it is not known."""
    return next((family for family in FAMILIES if model_type in family.model_types), None)


def by_name(name: str) -> Family | None:
    """The family of a model by the name that a server or hub gives it; None when the name does not say.

    Owners, tags of quantisation and size, and the spelling of separators do not matter: ``Qwen/Qwen2.5-VL-7B-AWQ``,
    ``qwen2.5vl:7b`` and ``accounts/x/models/qwen2p5-vl-32b-instruct`` are one family.
    """
    plain = re.sub(r"[_\s]+", "-", name.casefold())
    return next((family for family in FAMILIES if re.search(family.pattern, plain)), None)


def chosen_convention(
    family: Family | None,
    unknown: BoxConvention,
    *,
    coordinates: CoordinateConvention | None = None,
    order: BoxOrder | None = None,
) -> BoxConvention:
    """The convention of a model: what the user gave, else what the family does, else the assumption ``unknown``.

    An order that was given with no range, or a range with no order, leaves the other as the family has it.
    """
    base = unknown if family is None else family.convention
    if coordinates is None and order is None:
        return base
    same = coordinates in (None, base.coordinates)
    return BoxConvention(
        coordinates=coordinates or base.coordinates,
        order=order or base.order,
        unit=base.unit if same else None,
        certainty="given" if coordinates is not None else base.certainty,
        order_certainty="given" if order is not None else base.order_certainty,
    )


def assumption(name: str, family: Family | None, convention: BoxConvention) -> str:
    """One line that says what is assumed of a model whose family is not known; empty where nothing is assumed."""
    if convention.certainty != "assumed":
        return ""
    why = "is of no known family" if family is None else f"is of the family {family.name}, whose convention is a guess"
    return (
        f"the model {name} {why}: its numbers are taken as {convention.in_words}. "
        "Choose others with --coordinates and --box-order."
    )
