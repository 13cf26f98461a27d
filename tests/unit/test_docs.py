"""Documents that cannot fall behind the code."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from itertools import chain
from pathlib import Path

import click
import pytest
from geogrounding_cli.main import COMMANDS, geoground
from geogrounding_cli.reference import write_reference

import geogrounding as gg
from geogrounding import errors
from geogrounding.io.tables import FIELDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_the_reference_is_up_to_date() -> None:
    assert read(ROOT / "docs" / "cli.md") == write_reference(), "run `make docs`"


def test_every_command_and_option_is_in_the_reference() -> None:
    text = read(ROOT / "docs" / "cli.md")
    ctx = click.Context(geoground, **geoground.context_settings)
    for name in COMMANDS:
        assert f"## geoground {name}\n" in text
        command = geoground.get_command(ctx, name)
        assert command is not None
        inner = command.commands.values() if isinstance(command, click.Group) else ()
        for one in (command, *inner):
            for param in one.params:
                for option in param.opts if isinstance(param, click.Option) and not param.hidden else ():
                    assert option in text, f"{name} {one.name} {option}"


def commands(page: Path) -> list[str]:
    """Lines of code blocks that call geoground, without comments, pipes and continuation."""
    found = []
    for language, block in re.findall(r"^ *```(\w*)\n(.*?)^ *```", read(page), re.DOTALL | re.MULTILINE):
        for line in block.splitlines() if language in ("", "sh", "bash") else ():
            line = line.strip()
            if line.startswith("geoground ") and "[OPTIONS]" not in line and "COMMAND" not in line:
                found.append(line.partition(" #")[0].partition(" | ")[0].strip())
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_documents_parse(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example is an invocation that click accepts: known command, known options, good values."""
    monkeypatch.chdir(ROOT)
    for line in commands(page):
        name, *arguments = shlex.split(line)[1:]
        command = geoground.get_command(click.Context(geoground, **geoground.context_settings), name)
        assert command is not None, line
        if name == "models":
            arguments = [argument for argument in arguments if argument != "~/checkpoints"]
        parent = click.Context(geoground, **geoground.context_settings)
        called: str | None = name
        try:
            if isinstance(command, click.Group):
                parent = command.make_context(name, [arguments[0]], parent=parent)
                called, inner, arguments = command.resolve_command(parent, arguments)
                assert inner is not None, line
                command = inner
            command.make_context(called, arguments, parent=parent)
        except click.ClickException as error:
            pytest.fail(f"{line}: {error.format_message()}")


def test_the_documents_hold_commands() -> None:
    assert len(commands(ROOT / "README.md")) >= 4
    assert len(commands(ROOT / "docs" / "how-to.md")) >= 15
    assert len(commands(ROOT / "docs" / "cli.md")) >= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = [
                heading.strip().lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", read(linked), re.M)
            ]
            assert anchor in headings, f"{page.name} links to {target}"


@pytest.mark.parametrize("page", ["README.md", "docs/cli.md"])
def test_exit_codes_are_all_there(page: str) -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.GeogroundingError)
    ]
    codes = {kind.exit_code for kind in kinds} | {0, 130}
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", read(ROOT / page), re.M)}
    assert listed == codes


def test_attributes_are_those_of_the_layers() -> None:
    table = read(ROOT / "README.md").partition("| attribute |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == [field.name for field in FIELDS]


def test_make_targets_named_in_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", read(ROOT / "Makefile"), re.M))
    for page in PAGES:
        for name in re.findall(r"`make ([a-z0-9-]+)", read(page)):
            assert name in targets, f"{page.name}: make {name}"


@pytest.mark.parametrize(("page", "folder"), [("reliability.md", "tests/"), ("performance.md", "")])
def test_files_named_in_tables_exist(page: str, folder: str) -> None:
    named = re.findall(r"\| `([\w/.]+\.py)[^`]*` \|$", read(ROOT / "docs" / page), re.M)
    assert len(named) > 8
    for name in named:
        assert (ROOT / folder / name).is_file(), f"{page} names {name}"


def test_layers_in_the_design_are_those_of_the_contract() -> None:
    contract = configparser.ConfigParser()
    contract.read(ROOT / ".importlinter", encoding="utf-8")
    layers = contract["importlinter:contract:layers"]["layers"].split("\n")
    described = re.search(r"```layers\n(.*?)```", read(ROOT / "docs" / "design.md"), re.DOTALL)
    assert described is not None
    assert described[1].splitlines() == [layer for layer in layers if layer]


def test_every_package_is_in_the_design() -> None:
    table = read(ROOT / "docs" / "design.md").partition("## Packages")[2].partition("\n## ")[0]
    named = set(
        re.findall(r"`([\w/.]+?)/?`", "".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    )
    home = ROOT / "geogrounding"
    folders = {path.parent.relative_to(home).as_posix() for path in home.rglob("__init__.py")} - {"."}
    modules = {path.name for path in home.glob("*.py") if not path.name.startswith("_")}
    assert named == folders | modules | {"cli", "qgis_plugin", "recipes"}


def test_everyday_changes_name_files() -> None:
    table = read(ROOT / "docs" / "design.md").partition("## Where to make a change")[2].partition("\n## ")[0]
    files = re.findall(r"\| `([^`]+)` \|$", table, re.M)
    assert len(files) >= 20
    for name in files:
        assert (ROOT / name).is_file(), name


def test_nouns_are_where_the_design_says() -> None:
    table = read(ROOT / "docs" / "design.md").partition("## The nouns")[2].partition("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("| ") and "`" in row]
    assert len(rows) >= 8
    for row in rows:
        nouns, _, where = (cell.strip() for cell in row.strip("|").split("|"))
        text = "".join(read(ROOT / "geogrounding" / name) for name in re.findall(r"`([^`]+)`", where))
        for noun in nouns.split(", "):
            assert f"class {noun}" in text, noun


def test_version_and_packages() -> None:
    project = tomllib.loads(read(ROOT / "pyproject.toml"))
    assert f"## [{gg.__version__}]" in read(ROOT / "CHANGELOG.md")
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "geogrounding").rglob("__init__.py")
        if "weights" not in path.parts
    }
    assert folders | {"geogrounding_cli"} == set(project["tool"]["setuptools"]["packages"])


def test_public_names_exist() -> None:
    for name in gg.__all__:
        assert getattr(gg, name) is not None


def test_pins_satisfy_the_bounds() -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = read(ROOT / "requirements" / "constraints.txt").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    for text in chain(project["dependencies"], *project["optional-dependencies"].values()):
        requirement = Requirement(text)
        if requirement.name == "torch":  # pinned where its build is chosen
            pin = re.search(r"^TORCH \?= torch==(\S+)$", read(ROOT / "Makefile"), re.M)
            assert pin is not None
            assert requirement.specifier.contains(pin.group(1))
        elif requirement.name != "geogrounding":
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), text
