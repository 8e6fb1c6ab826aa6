"""How to install what an extra brings, said in a command that can be pasted."""

from __future__ import annotations

from pathlib import Path

from facekit.text.escaping import shell_command


def install(extra: str) -> str:
    """Install what an extra brings, from where this facekit came."""
    name = _distribution()
    clone = _clone(name)
    if clone is None:
        return f"pip install {shell_command([f'{name}[{extra}]'])}"
    here = f"pip install '.[{extra}]'"
    return here if clone == Path.cwd() else f"cd {shell_command([str(clone)])} && {here}"


def _distribution() -> str | None:
    """What pip calls this package; None where it was not installed."""
    from importlib import metadata

    return next(iter(metadata.packages_distributions().get("facekit", [])), None)


def _clone(name: str | None) -> Path | None:
    """The folder of the source that runs here, or that was installed; None for what came from an index."""
    source = Path(__file__).resolve().parent.parent
    if name is None or (source / "pyproject.toml").is_file():
        return source
    import json
    from importlib import metadata

    # PEP 610: pip notes where a package came from if it was no index.
    noted = metadata.distribution(name).read_text("direct_url.json")
    url = json.loads(noted).get("url", "") if noted else ""
    folder = Path(url.removeprefix("file://"))
    return folder if url.startswith("file://") and (folder / "pyproject.toml").is_file() else None
