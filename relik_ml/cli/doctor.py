"""``relik-ml doctor``: check the installation, from the packages to the annotation of a sentence."""

import os
import platform
from collections.abc import Callable, Iterator
from importlib import metadata
from tempfile import TemporaryFile

import click

from relik_ml import __version__
from relik_ml.errors import RelikError, install

Line = tuple[str, str, str, str]
"""State (ok, missing or broken), what was checked, what was found, and how to fix it."""

NEEDED = ("onnxruntime", "numpy", "tokenizers", "safetensors", "pymorphy3")
EXTRAS = {"torch": "train", "rdflib": "export", "pyarrow": "parquet", "lxml": "formats"}
SENTENCE = "Анна Ахматова родилась в Одессе."


@click.command()
@click.pass_context
def command(ctx: click.Context) -> None:
    """Check the installation: packages, backends, model, index, cache, and a test sentence.

    Each line is ok, missing (something optional) or broken, with the fix. The exit code is 1 if something is broken.

    \b
    Example:
      relik-ml doctor
    """
    broken = False
    for check in (_packages, _faiss, _index, _cache, _backends):
        for state, what, found, fix in _lines(check):
            click.echo(f"{state:8}{what}: {found}" + f"\n        fix: {fix}" * bool(fix))
            broken = broken or state == "broken"
    ctx.exit(int(broken))


def _lines(check: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    """The lines of a check. An error becomes a line, because the other checks are to go on."""
    try:
        yield from check()
    except RelikError as error:
        yield "broken", check.__name__.strip("_"), f"{error}", ""
    except Exception as error:  # a damaged package may raise anything
        found = f"{type(error).__name__}: {error}"
        yield "broken", check.__name__.strip("_"), found, "run `pip install --force-reinstall relik-ml`"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> Iterator[Line]:
    yield "ok", "Python", platform.python_version(), ""
    yield "ok", "relik-ml", __version__, ""
    for package in NEEDED:
        found, fix = _version(package), f"pip install {package}"
        yield ("ok", package, found, "") if found else ("broken", package, "not installed", fix)
    for package, extra in EXTRAS.items():
        found, fix = _version(package), install(extra)
        yield ("ok", package, found, "") if found else ("missing", package, "not installed", fix)


def _faiss() -> Iterator[Line]:
    found = [name for name in ("faiss-cpu", "faiss-gpu") if _version(name)]
    if len(found) == 2:
        yield "broken", "faiss", "faiss-cpu and faiss-gpu overwrite each other", "pip uninstall faiss-cpu faiss-gpu, " \
            f"then {install('faiss')}"  # fmt: skip
    elif found:
        yield "ok", "faiss", f"{found[0]} {_version(found[0])}", ""
    else:
        yield "missing", "faiss", "not installed; large indexes are slow", install("faiss")


def _index() -> Iterator[Line]:
    from relik_ml.bundle import index_folder, own_index
    from relik_ml.index import PassageIndex

    folder = index_folder(None)
    whose = "your copy" if folder == own_index() else "embedded"
    yield "ok", "index", f"{whose}, {len(PassageIndex.open(folder).entries):,} entries, {folder}", ""


def _cache() -> Iterator[Line]:
    from relik_ml.data import cache_folder

    folder = cache_folder(os.environ)
    above = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        TemporaryFile(dir=above).close()
        yield "ok", "cache", f"{folder}", ""
    except OSError as error:
        yield "broken", "cache", f"{folder}: {error.strerror}", "set RELIK_ML_CACHE to a folder that you can write to"


def _backends() -> Iterator[Line]:
    """The embedded model annotates a sentence with each backend that is installed."""
    from relik_ml import Relik
    from relik_ml.bundle import EMBEDDED, GRAPHS

    for backend in GRAPHS:
        if backend == "torch" and not _version("torch"):
            yield "missing", "backend torch", "torch is not installed", install("train")
            continue
        facts = Relik.from_pretrained(EMBEDDED["accurate"], backend=backend)(SENTENCE).facts()
        found = "; ".join(f"{fact.subject.name} {fact.relation} {fact.object.name}" for fact in facts)
        fix = "" if found else "run `pip install --force-reinstall relik-ml`"
        yield "ok" if found else "broken", f"backend {backend}", f"{SENTENCE} → {found or 'no facts'}", fix
