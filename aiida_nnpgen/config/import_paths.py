"""The import paths of a configuration: code that runs because the user's own file names it.

Models and nodes that say the same words are never asked to import anything; this is done for the file alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ..common.exceptions import InputError
from ..screening.base import QUANTITIES, REDUCERS, SELECTORS, check_keywords
from ..screening.settings import ScreeningSettings
from .document import Location
from .method import MethodSettings
from .reference import ReferenceSettings
from .root import LoopSettings

__all__ = ["ImportPath", "import_paths", "wrong_paths"]


@dataclass(frozen=True, kw_only=True)
class ImportPath:
    """One import path.

    :ivar location: of its word in the configuration.
    :ivar path: ``module:attribute``.
    """

    location: Location
    path: str


def import_paths(config: LoopSettings) -> list[ImportPath]:
    """Return every import path in a configuration, in its order."""
    words = [*_reference_words(config.reference)]
    for location, entry in config.entries():
        words += [((*location, "screening", *place), word) for place, word, _ in _screening_words(entry.screening)]
    return [ImportPath(location=place, path=word) for place, word in words if ":" in word]


def wrong_paths(config: LoopSettings) -> Iterator[tuple[Location, str]]:
    """Yield place and message of each import path that leads nowhere or does not take its keywords; this runs them."""
    for location, entry in config.entries():
        for place, word, check in _screening_words(entry.screening):
            if ":" in word and (message := _message(check)):
                yield (*location, "screening", *place), message
    code, own = config.reference.code, config.reference.overrides()
    for place, settings in _methods(config.reference):
        overrides = [own] if settings is config.reference else [own, settings.overrides()]
        method = code.method(config.reference.protocol, *overrides, kind=config.reference.kind)
        if message := _message(partial(code.check_import, method)):
            yield place, message


def _message(check: Callable[[], object]) -> str | None:
    try:
        check()
    except InputError as exception:
        return str(exception)
    return None


def _methods(reference: ReferenceSettings) -> list[tuple[Location, MethodSettings]]:
    rules = [(("reference", "rules", index), rule) for index, rule in enumerate(reference.rules)]
    return [(("reference",), reference), *rules]


def _reference_words(reference: ReferenceSettings) -> Iterator[tuple[Location, str]]:
    for place, settings in _methods(reference):
        word = settings.overrides().get("parameters", {}).get("calculator")
        if isinstance(word, str):
            yield (*place, "parameters", "calculator"), word


def _screening_words(screening: ScreeningSettings) -> Iterator[tuple[Location, str, Callable[[], object]]]:
    """Yield the names in the settings of a screening, with the check of each."""
    reducer, selector = screening.reducer, screening.selector
    yield ("reducer", "method"), reducer.method, partial(check_keywords, REDUCERS, reducer.method, reducer.keywords)
    for index, item in enumerate(screening.quantities):
        yield ("quantities", index, "name"), item.name, partial(check_keywords, QUANTITIES, item.name, item.keywords)
    yield ("selector", "name"), selector.name, partial(check_keywords, SELECTORS, selector.name, selector.keywords)
