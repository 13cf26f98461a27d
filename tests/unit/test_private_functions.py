"""Private functions of pyogrio and torch are there in the pinned versions, and their absence is no crash."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from geogrounding.errors import OutputError
from geogrounding.io import _compat as of_pyogrio
from geogrounding.io.formats import FORMATS
from geogrounding.models.builtin import _compat as of_torch
from geogrounding.models.builtin.adapter import fast_dtype


def test_gdal_says_what_its_drivers_can_do() -> None:
    assert "SPATIAL_INDEX" in of_pyogrio.driver_metadata("GPKG", "DS_LAYER_CREATIONOPTIONLIST")
    assert of_pyogrio.driver_metadata("GPKG", "NO_SUCH_ITEM") == ""


def test_without_it_layers_are_written_but_options_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyogrio._ogr", ModuleType("pyogrio._ogr"))
    package = FORMATS[".gpkg"]
    package.check_options({})
    with pytest.raises(OutputError, match="cannot be checked") as caught:
        package.check_options({"SPATIAL_INDEX": "NO"})
    assert "pyogrio" in str(caught.value.hint)


def test_torch_is_asked_whether_bfloat16_is_fast() -> None:
    assert of_torch.bfloat16_is_fast() is torch.ops.mkldnn._is_mkldnn_bf16_supported()


@pytest.mark.parametrize("mkldnn", [SimpleNamespace(), None])
def test_where_torch_does_not_say_the_model_computes_in_float32(
    mkldnn: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "ops", SimpleNamespace(mkldnn=mkldnn))
    assert fast_dtype(torch.device("cpu")) is torch.float32
