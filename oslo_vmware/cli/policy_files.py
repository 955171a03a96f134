"""Files of storage policies: YAML, or JSON, which is YAML as well.

A file has ``{policies: [...]}``, each as :meth:`oslo_vmware.spbm.Policy.to_dict` gives it, a list
of them, or a single one. PyYAML is part of the extra ``cli``; without it, files are JSON.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from oslo_vmware.cli.failures import NoSuchObjectError, UsageError
from oslo_vmware.cli.files.local import NewFile

WITHOUT_YAML = 'PyYAML is not installed, so this is JSON; for YAML: pip install PyYAML'

_KEY = 'policies'


def has_yaml() -> bool:
    """Whether files can be YAML."""
    return _yaml() is not None


def written(
    policies: Sequence[dict[str, Any]], *, as_json: bool = False, as_ascii: bool = False
) -> str:
    """The text of a file of policies.

    :param policies: as ``Policy.to_dict`` gives them
    :param as_ascii: with escapes for all other characters
    """
    document = {_KEY: list(policies)}
    yaml = None if as_json else _yaml()
    if yaml is None:
        return json.dumps(document, indent=2, ensure_ascii=as_ascii) + '\n'
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=not as_ascii, width=100)
    return text


def save(text: str, path: str) -> None:
    """Write a file: the whole text is there, or the file is as it was.

    :param path: of the file; one that a link leads to is replaced, and not the link
    :raises UsageError: there cannot be such a file
    """
    with NewFile(os.path.realpath(path), force=True) as file:
        file.write(text.encode())
        file.keep()


def title(path: str) -> str:
    """What a file is called in messages."""
    return 'stdin' if path == '-' else path


def load(path: str) -> list[Any]:
    """The policies in a file, as they are there.

    :param path: of the file; ``-`` for stdin
    :raises NoSuchObjectError: there is no such file
    :raises UsageError: it has none, or cannot be read as what it should be
    """
    try:
        data = sys.stdin.buffer.read() if path == '-' else pathlib.Path(path).read_bytes()
        # Some editors begin with a mark; and stdin has the locale's encoding, which is not asked.
        text = data.decode('utf-8-sig')
    except FileNotFoundError:
        raise NoSuchObjectError(f'There is no file {path}.') from None
    except UnicodeDecodeError as exc:
        raise UsageError(f'{path} is no text: {exc}') from exc
    path = title(path)
    document = _parsed(text, path)
    found = document.get(_KEY, [document]) if isinstance(document, dict) else document
    if not isinstance(found, list) or not found:
        raise UsageError(f'{path} has no policies: it should have a list of them as "{_KEY}".')
    return found


def _parsed(text: str, path: str) -> Any:
    yaml = _yaml()
    try:
        if yaml is None:
            return json.loads(text, object_pairs_hook=_without_doubles)
        return yaml.load(text, _strict_loader(yaml))
    except Exception as exc:
        # Of a date that is none, or what is nested too deep, PyYAML has exceptions of Python's.
        if yaml is not None:
            raise UsageError(f'{path} is no YAML: {exc}') from exc
        hint = '' if text.lstrip()[:1] in '{[' else '; if it is YAML: pip install PyYAML'
        raise UsageError(f'{path} is no JSON: {exc}{hint}') from exc


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, of which no member is there twice: json takes the last of them."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'{key!r} is there twice')
        found[key] = value
    return found


def _strict_loader(yaml: Any) -> Any:
    """A safe loader of PyYAML that takes no key twice, as YAML wants it."""

    class Loader(yaml.SafeLoader):
        # Before any merge (<<), after which the same key may be there again.
        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            keys: set[tuple[str, str]] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if (key.tag, key.value) in keys:
                    raise yaml.constructor.ConstructorError(
                        problem=f'{key.value!r} is there twice', problem_mark=key.start_mark
                    )
                keys.add((key.tag, key.value))
            return node

    return Loader


def _yaml() -> Any:
    """PyYAML; None where it is not installed."""
    try:
        import yaml
    except ImportError:
        return None
    return yaml
