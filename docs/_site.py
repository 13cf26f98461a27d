"""Hooks of mkdocs: pages that stand in the root of the repository, and a site that loads nothing from the network."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
ROOT_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "", "SECURITY.md": "", "CHANGELOG.md": ""}
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)(?=[)#])")
LOADED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root: ``README.md`` is the first page of the site."""
    for name, uri in ROOT_PAGES.items():
        files.append(File.generated(config, uri or name, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages, or into links to the repository."""
    generated = page.file.generated_by is not None
    folder = "" if generated else posixpath.join("docs", posixpath.dirname(page.file.src_uri))

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, match[1]))
        if not (ROOT / target).exists():
            return match[1]  # mkdocs reports it
        uri = ROOT_PAGES.get(target, target) or target
        uri = uri.removeprefix("docs/")
        if files.get_file_from_path(uri) is None:
            return f"{config.repo_url}/blob/main/{target}"
        return posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or ".")

    return LINK.sub(link, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that makes a browser load something from elsewhere.

    Raises:
        PluginError: a script, image, style sheet or frame has an address in the network.
    """
    external = [address for address in LOADED.findall(output) if not address.startswith(str(config.site_url or "\0"))]
    if external:
        raise PluginError(f"{page.file.src_uri} loads {', '.join(external)}")
    return output
