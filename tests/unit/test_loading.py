"""Finding, checking and listing models; nothing here needs torch."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models import NullModel, available, load_model
from geogrounding.models import hub as weights
from geogrounding.models.base import Model
from geogrounding.types import Answer, Question


def write_model(
    folder: Path, *, card: str | None = None, config: Any = None, tensors: dict[str, Any] | None = None
) -> Path:
    """A folder that looks like a vision-language model; its weights are two small tensors."""
    folder.mkdir(parents=True)
    described = {"model_type": "llava", "vision_config": {}, "text_config": {}} if config is None else config
    (folder / "config.json").write_text(json.dumps(described))
    values: dict[str, Any] = {"a": np.arange(600, dtype=np.float32), "b": np.ones((3, 200), dtype=np.float16)}
    save_file(values if tensors is None else tensors, folder / "model.safetensors")
    if card is not None:
        (folder / "README.md").write_text(card)
    return folder


class TestNull:
    def test_answers_nothing(self) -> None:
        model = load_model("null")
        assert isinstance(model, Model)
        images = [np.zeros((5, 7, 3), np.uint8)] * 2
        assert model.ground(images, [Question(expression="a")] * 3) == [[Answer()] * 3] * 2
        assert (model.conventions.tile_size_px, model.conventions.overlap_px) == (1024, 128)
        model.close()

    def test_batch_size(self) -> None:
        assert load_model("null", batch_size=3).conventions.batch_size == 3
        with pytest.raises(SettingsError, match="batch size 0"):
            NullModel(batch_size=0)


class TestOptions:
    @pytest.mark.parametrize(
        ("name", "options", "words"),
        [
            ("null", {"device": "cpu"}, ("device", "null")),
            ("builtin", {"adapter": "x"}, ("adapter", "builtin")),
            ("builtin", {"processor": "x"}, ("processor", "builtin")),
            ("builtin", {"coordinates": "per-mille"}, ("coordinates", "builtin")),
            ("builtin", {"timeout_s": 3.0}, ("timeout_s", "builtin")),
            ("some/model", {"api_key": "k"}, ("api_key", "some/model")),
            ("some/model", {"concurrency": 2}, ("concurrency", "some/model")),
            ("m", {"base_url": "http://127.0.0.1:9/v1", "device": "cpu"}, ("device", "base_url")),
            ("m", {"base_url": "http://127.0.0.1:9/v1", "adapter": "x"}, ("adapter", "base_url")),
            ("m", {"base_url": "http://127.0.0.1:9/v1", "batch_size": 2}, ("batch_size", "base_url")),
        ],
    )
    def test_options_that_do_not_go_together_are_both_named(
        self, name: str, options: dict[str, Any], words: tuple[str, str]
    ) -> None:
        with pytest.raises(SettingsError) as caught:
            load_model(name, **options)
        for word in words:
            assert word in str(caught.value)
        assert caught.value.hint

    def test_an_empty_name(self) -> None:
        with pytest.raises(SettingsError, match="no name"):
            load_model("  ")

    def test_an_api_key_is_not_repeated_in_the_message(self) -> None:
        with pytest.raises(SettingsError) as caught:
            load_model("some/model", api_key="secret-123")
        assert "secret-123" not in str(caught.value) + caught.value.hint


class TestFind:
    @pytest.mark.parametrize(
        "name",
        ["./nowhere", "/no/such/folder", "gpt2", "a/b/c", "~no-one-here/x", "a b/c", "../x", "x" * 5000, "a\0b/c"],
    )
    def test_names_that_are_neither_folder_nor_hub_id(self, name: str) -> None:
        with pytest.raises(ModelError, match="there is no model folder") as caught:
            weights.find(name, "model")
        assert "builtin" in caught.value.hint

    def test_a_file_is_no_folder(self, tmp_path: Path) -> None:
        file = tmp_path / "model.safetensors"
        file.write_bytes(b"")
        with pytest.raises(ModelError, match="is a file"):
            weights.find(str(file), "model")

    @pytest.mark.parametrize("offline", [True, False])
    def test_a_hub_id_without_network_fails_fast_with_a_hint(self, tmp_path: Path, offline: bool) -> None:
        code = (
            "import time; from geogrounding.errors import ModelError\n"
            "from geogrounding.models import hub\n"
            "import huggingface_hub; start = time.monotonic()\n"
            "try: hub.find('owner/model', 'model')\n"
            "except ModelError as error: print(error, '|', error.hint, '|', time.monotonic() - start)\n"
        )
        # A loopback port that nothing listens on: the connection is refused at once.
        environment = os.environ | {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
        environment |= {"HF_HUB_OFFLINE": "1" if offline else "0", "PYTHONPATH": str(Path(__file__).parents[2])}
        result = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        message, hint, seconds = result.stdout.split("|")
        assert "owner/model is not complete in the local cache" in message
        assert "hf download owner/model" in hint
        assert float(seconds) < 10

    def test_the_cache_of_the_hub_is_used_without_network(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        repository, commit = tmp_path / "models--owner--model", "c0ffee" + "0" * 34
        snapshot = write_model(repository / "snapshots" / commit)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(commit)
        assert weights.find("owner/model", "model") == snapshot
        assert weights.find(f"owner/model@{commit}", "model") == snapshot
        (snapshot / "model.safetensors").unlink()  # a download that was cut off
        with pytest.raises(ModelError, match=r"holds no model\.safetensors"):
            weights.find("owner/model", "model")

    def test_pickles_are_refused_with_a_way_out(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "m")
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        with pytest.raises(ModelError, match=r"pytorch_model\.bin.*run code") as caught:
            weights.find(str(folder), "model")
        assert "save_pretrained" in caught.value.hint

    def test_missing_files_are_named(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "m")
        (folder / "model.safetensors").unlink()
        with pytest.raises(ModelError, match=r"holds no model\.safetensors"):
            weights.find(str(folder), "model")
        (folder / "config.json").unlink()
        with pytest.raises(ModelError, match=r"holds no config\.json"):
            weights.find(str(folder), "model")
        with pytest.raises(ModelError, match=r"holds no adapter_config\.json"):
            weights.find(str(folder), "adapter")
        with pytest.raises(ModelError, match=r"preprocessor_config\.json"):
            weights.find(str(folder), "processor")

    def test_shards(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "m")
        (folder / "model.safetensors").rename(folder / "model-1.safetensors")
        index = folder / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-1.safetensors"}}))
        assert weights.weight_files(folder, "model") == [folder / "model-1.safetensors"]
        index.write_text(json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}))
        with pytest.raises(ModelError, match=r"lacks model-2\.safetensors"):
            weights.find(str(folder), "model")

    @pytest.mark.parametrize(
        "index",
        ["[]", "{}", "{", '{"weight_map": {"a": "../../etc/passwd"}}', '{"weight_map": {"a": 3}}', "[" * 100_000],
    )
    def test_hostile_shard_indexes(self, tmp_path: Path, index: str) -> None:
        folder = write_model(tmp_path / "m")
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(index)
        with pytest.raises(ModelError):
            weights.find(str(folder), "model")


class TestDamage:
    @pytest.mark.parametrize(
        "damage",
        [
            lambda data: b"",
            lambda data: data[:7],
            lambda data: data[:40],
            lambda data: data[:-1],
            lambda data: data + b"\0",
            lambda data: b"\xff" * 8 + data[8:],
            lambda data: (10**7).to_bytes(8, "little") + data[8:],
            lambda data: data.replace(b'"data_offsets":[0', b'"data_offsets":[9'),
            lambda data: data.replace(b"data_offsets", b"data_offsetz"),
            lambda data: (2).to_bytes(8, "little") + b"[]" + data[10:],
        ],
    )
    def test_damaged_weights_are_refused_before_loading(self, tmp_path: Path, damage: Any) -> None:
        folder = write_model(tmp_path / "m")
        path = folder / "model.safetensors"
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(ModelError, match="is damaged") as caught:
            weights.find(str(folder), "model")
        assert "Download" in caught.value.hint

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(edits=st.lists(st.tuples(st.integers(0, 160), st.binary(min_size=1, max_size=3)), min_size=1, max_size=3))
    def test_any_header_is_read_or_refused(self, tmp_path: Path, edits: list[tuple[int, bytes]]) -> None:
        path = tmp_path / "mutant.safetensors"
        save_file({"a": np.zeros(8, np.float32), "b": np.zeros(4, np.int8)}, path)
        data = bytearray(path.read_bytes())
        for position, patch in edits:
            data[position : position + len(patch)] = patch
        path.write_bytes(bytes(data))
        with contextlib.suppress(ModelError):  # any other exception fails the test
            header = weights.read_header(path)
            stops = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
            assert max(stops, default=0) <= len(data)


class TestFingerprint:
    def test_sees_content_and_settings_but_not_place_or_time(self, tmp_path: Path) -> None:
        first = write_model(tmp_path / "first")
        second = write_model(tmp_path / "second")
        os.utime(second / "model.safetensors", (1, 1))
        base = weights.fingerprint([first], {"dtype": "float32"})
        assert weights.fingerprint([second], {"dtype": "float32"}) == base
        assert weights.fingerprint([second], {"dtype": "bfloat16"}) != base
        assert weights.fingerprint([second, first], {"dtype": "float32"}) != base
        (second / "README.md").write_text("a card changes no answer")
        assert weights.fingerprint([second], {"dtype": "float32"}) == base
        (second / "chat_template.jinja").write_text("a template does")
        assert weights.fingerprint([second], {"dtype": "float32"}) != base

    def test_sees_a_tensor_that_was_trained(self, tmp_path: Path) -> None:
        tensors = {"a": np.arange(600, dtype=np.float32), "z": np.zeros((400, 400), np.float32)}
        base = weights.fingerprint([write_model(tmp_path / "base", tensors=tensors)], None)
        trained = {name: tensor.copy() for name, tensor in tensors.items()}
        trained["z"] += 1e-6
        assert weights.fingerprint([write_model(tmp_path / "trained", tensors=trained)], None) != base

    def test_reads_little_of_large_weights(self, tmp_path: Path) -> None:
        folder = tmp_path / "large"
        folder.mkdir()
        header = json.dumps({"w": {"dtype": "U8", "shape": [1 << 36], "data_offsets": [0, 1 << 36]}}).encode()
        with (folder / "model.safetensors").open("wb") as file:  # 64 GiB of holes: reading them would take minutes
            file.write(len(header).to_bytes(8, "little") + header)
            file.truncate(8 + len(header) + (1 << 36))
        assert len(weights.fingerprint([folder], None)) == 32


class TestAvailable:
    @pytest.fixture(autouse=True)
    def empty_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.delenv("GEOGROUND_MODELS_DIR", raising=False)

    def test_lists_without_torch_and_quickly(self, tmp_path: Path) -> None:
        for index in range(20):
            write_model(tmp_path / "models" / f"m{index}")
        code = (
            "import sys, time\nfrom geogrounding.models import available\n"
            "spent = []\n"
            "for _ in range(5):\n"
            "    start = time.perf_counter(); found = available(); spent.append(time.perf_counter() - start)\n"
            "heavy = [name for name in ('torch', 'transformers', 'huggingface_hub') if name in sys.modules]\n"
            "print(len(found), min(spent), heavy)"
        )
        environment = os.environ | {"GEOGROUND_MODELS_DIR": str(tmp_path / "models")}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        result = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        count, seconds, imported = result.stdout.split(maxsplit=2)
        assert int(count) == 24
        assert imported.strip() == "[]"
        assert float(seconds) < 0.1

    def test_always_there(self) -> None:
        found = {info.name: info for info in available()}
        assert next(iter(found)) == "builtin"
        assert found["null"].present
        assert found["--base-url URL"].kind == "server"

    def test_local_folders(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        card = "---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\nlicense: not this\n"
        one = write_model(tmp_path / "a" / "one", card=card)
        write_model(tmp_path / "a" / "text-only", config={"model_type": "llama"})
        other = write_model(tmp_path / "b", card='---\nlicense: other\nlicense_name: "tongyi-qianwen"\n---\n')
        monkeypatch.setenv("GEOGROUND_MODELS_DIR", f"{tmp_path / 'a'}{os.pathsep}{tmp_path / 'missing'}")
        found = {info.name: info for info in available([other, other])}
        assert [name for name, info in found.items() if info.kind == "folder"] == [str(one), str(other)]
        assert found[str(one)].licence == "apache-2.0"
        assert found[str(other)].licence == "tongyi-qianwen"
        assert found[str(one)].size_mb == pytest.approx((one / "model.safetensors").stat().st_size / 1e6, abs=0.05)
        assert found[str(one)].present
        assert found[str(one)].note == "llava"

    def test_what_cannot_run_is_said(self, tmp_path: Path) -> None:
        pickled = write_model(tmp_path / "pickled")
        (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
        foreign = write_model(tmp_path / "foreign", config={"vision_config": {}, "auto_map": {"AutoModel": "x.Y"}})
        found = {info.name: info for info in available([tmp_path])}
        assert (found[str(pickled)].present, found[str(pickled)].note) == (False, "no safetensors weights")
        assert not found[str(foreign)].present
        assert "own code" in found[str(foreign)].note

    @pytest.mark.parametrize(
        "config", ["", "[]", "nonsense", "[" * 100_000, "null", '{"vision_config": "' + "x" * 2_000_000 + '"}']
    )
    def test_hostile_configurations_are_passed_over(self, tmp_path: Path, config: str) -> None:
        folder = write_model(tmp_path / "m")
        (folder / "config.json").write_text(config)
        assert not [info for info in available([folder]) if info.kind == "folder"]

    def test_the_cache_of_the_hub(self, tmp_path: Path) -> None:
        repository = tmp_path / "hub" / "models--Qwen--Qwen2.5-VL-3B-Instruct"
        old = write_model(repository / "snapshots" / "0ld", config={"model_type": "old", "vision_config": {}})
        write_model(repository / "snapshots" / "abc123", card="---\nlicense: mit\n---\n")
        os.utime(old, (1, 1))
        (tmp_path / "hub" / "datasets--a--b").mkdir()
        (tmp_path / "hub" / "models--broken--x" / "snapshots").mkdir(parents=True)
        [info] = [info for info in available() if info.kind == "hub"]
        assert (info.name, info.licence, info.note) == ("Qwen/Qwen2.5-VL-3B-Instruct", "mit", "llava")
