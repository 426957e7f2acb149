"""The file backend: the stacks below one folder, of this machine or of a bucket.

    DIR/.pulumi/meta.yaml                               the layout's version
    DIR/.pulumi/stacks/PROJECT/STACK.json               the checkpoint; .bak the one before, .journal what happened since
    DIR/.pulumi/stacks/PROJECT/STACK.pulumi-tags        tags
    DIR/.pulumi/history/PROJECT/STACK/                  one record and one checkpoint an update
    DIR/.pulumi/backups/PROJECT/STACK/                  one more checkpoint an update
    DIR/.pulumi/locks/organization/PROJECT/STACK/       a file a process that changes the stack

The legacy layout has no project folders.

Source: the file backend of the official CLI 3.260.0.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from embedded.engine import state, values, yamlfile
from embedded.engine.backend import checkpoints, history, journal, locks
from embedded.engine.backend.buckets import BucketPath, StorePath
from embedded.engine.backend.checkpoints import Checkpoint
from embedded.engine.backend.files import read_file, remove_tree, write_atomically
from embedded.engine.backend.history import UpdateInfo
from embedded.engine.backend.references import StackReference, check_stack_name, parse_reference
from embedded.engine.backend.renames import rename_stack
from embedded.engine.errors import EngineError, StackNotFoundError

_META_VERSION = 1
_CHECKPOINT_SUFFIXES = tuple(f".json{suffix}" for suffix in checkpoints.COMPRESSIONS)


class FileBackend:
    """The stacks below one folder; `url` is what the user knows it by."""

    def __init__(self, url: str, folder: StorePath, current_project: str = "") -> None:
        """Open a backend; nothing is written until something has to be.

        Args:
            url: As the user gave it, without a query.
            folder: The folder that the URL means.
            current_project: The project in the working directory; empty outside any.

        Raises:
            EngineError: The folder is not there, or has a layout of a later version.
        """
        if isinstance(folder, Path) and not folder.is_dir():
            raise EngineError(f"unable to open bucket {url}: the folder '{folder}' does not exist")
        self.url = url
        self.folder = folder
        self.root = folder / ".pulumi"
        self.current_project = current_project
        self.legacy = self._is_legacy()

    def _is_legacy(self) -> bool:
        meta = self.root / "meta.yaml"
        if not meta.is_file():
            flat = self.root / "stacks"
            return checkpoints.is_truthy("PULUMI_DIY_BACKEND_LEGACY_LAYOUT") or (
                flat.is_dir() and any(path.name.endswith(_CHECKPOINT_SUFFIXES) for path in flat.iterdir())
            )
        content = yamlfile.parse((read_file(meta) or b"").decode(), str(meta))
        version = content.get("version") if isinstance(content, dict) else None
        if version not in (0, _META_VERSION):
            raise EngineError(
                f"state store unsupported: 'meta.yaml' version ({version}) is not supported by this version of the Pulumi CLI"
            )
        return version == 0

    # --- names -------------------------------------------------------------------------------------------------------

    def parse(self, text: str) -> StackReference:
        """The stack that a text names.

        Raises:
            EngineError: The text names none.
        """
        if not self.legacy:
            return parse_reference(text, self.current_project)
        check_stack_name(text.rpartition("/")[2])
        return StackReference("", text.rpartition("/")[2])

    def display_name(self, reference: StackReference, qualify: bool = False) -> str:
        """The stack's name as listings print it."""
        return reference.display_name(self.current_project, qualify)

    def list(self, project: str | None = None) -> list[StackReference]:
        """The stacks, sorted; of one project or (None) of all."""
        found = {
            reference for reference in self._walk() if project is None or self.legacy or reference.project == project
        }
        return sorted(found)

    def _walk(self) -> Iterator[StackReference]:
        base = self.root / "stacks"
        folders = [base] if self.legacy else sorted(base.iterdir()) if base.is_dir() else []
        for folder in folders:
            for path in folder.iterdir() if folder.is_dir() else ():
                suffix = next((end for end in _CHECKPOINT_SUFFIXES if path.name.endswith(end)), None)
                if suffix and not path.name.startswith("."):
                    yield StackReference("" if self.legacy else folder.name, path.name.removesuffix(suffix))

    # --- paths -------------------------------------------------------------------------------------------------------

    def _stack_base(self, reference: StackReference) -> StorePath:
        return self.root / "stacks" / reference.project / f"{reference.name}.json"

    def _history_folder(self, reference: StackReference) -> StorePath:
        return self.root / "history" / reference.project / reference.name

    def _backup_folder(self, reference: StackReference) -> StorePath:
        return self.root / "backups" / reference.project / reference.name

    def _lock_folder(self, reference: StackReference) -> StorePath:
        return self.root / "locks" / reference.qualified_name

    def _tags_file(self, reference: StackReference) -> StorePath:
        return self.root / "stacks" / reference.project / f"{reference.name}.pulumi-tags"

    def journal_file(self, reference: StackReference) -> StorePath:
        """Where a running deployment of the stack keeps its journal."""
        base = self._stack_base(reference)
        return base.with_name(base.name + ".journal")

    def checkpoint_file(self, reference: StackReference) -> StorePath:
        """The stack's checkpoint file.

        Raises:
            StackNotFoundError: There is no such stack.
        """
        path = checkpoints.find_file(self._stack_base(reference))
        if path is None:
            raise StackNotFoundError(self.display_name(reference))
        return path

    # --- stacks ------------------------------------------------------------------------------------------------------

    def exists(self, reference: StackReference) -> bool:
        """Whether there is such a stack."""
        return checkpoints.find_file(self._stack_base(reference)) is not None

    def checkpoint(self, reference: StackReference) -> Checkpoint:
        """The stack's checkpoint, without what a journal may hold beyond it.

        Raises:
            StackNotFoundError: There is no such stack.
            EngineError: The file is broken.
        """
        found = checkpoints.read(self._stack_base(reference))
        if found is None:
            raise StackNotFoundError(self.display_name(reference))
        return found

    def checkpoint_bytes(self, reference: StackReference) -> bytes:
        """The content of the stack's checkpoint file, as it lies there."""
        return read_file(self.checkpoint_file(reference)) or b""

    def create(self, reference: StackReference, secrets_state: dict[str, Any] | None) -> None:
        """Make a stack without resources.

        Args:
            reference: Its name.
            secrets_state: The `secrets_providers` of its state.

        Raises:
            EngineError: There is such a stack already, or it is locked.
        """
        if self.exists(reference):
            raise EngineError(f"stack '{reference.qualified_name}' already exists")
        self._write_meta()
        with self.lock(reference):
            snapshot = state.Snapshot(secrets_provider=secrets_state)
            checkpoints.write(self._stack_base(reference), Checkpoint(reference.qualified_name, None, []))
            self.save(reference, snapshot_json(snapshot), [])

    def save(self, reference: StackReference, deployment: dict[str, Any], features: list[str]) -> None:
        """Write the stack's state; the one before becomes `.bak`."""
        checkpoint = Checkpoint(reference.qualified_name, deployment, features)
        checkpoints.write(self._stack_base(reference), checkpoint)

    def remove(self, reference: StackReference, remove_backups: bool = False) -> None:
        """Take a stack away with its tags and history; its last checkpoint stays as `.bak` unless backups go too."""
        for suffix in checkpoints.COMPRESSIONS:
            path = self._stack_base(reference)
            path = path.with_name(path.name + suffix)
            if path.is_file() and not remove_backups:
                checkpoints.keep_backup(path)
            path.unlink(missing_ok=True)
            if remove_backups:
                path.with_name(path.name + ".bak").unlink(missing_ok=True)
        if remove_backups:
            remove_tree(self._backup_folder(reference))
        journal.remove(self.journal_file(reference))
        self._tags_file(reference).unlink(missing_ok=True)
        remove_tree(self._history_folder(reference))

    def rename(self, old: StackReference, new: StackReference) -> None:
        """Give a stack another name: URNs, checkpoint, tags and history; backups stay under the old one.

        Raises:
            EngineError: The new name is taken, or the stack is locked.
        """
        if self.exists(new):
            raise EngineError(f"a stack named {self.display_name(new)} already exists")
        with self.lock(old):
            checkpoint = self.checkpoint(old)
            deployment = checkpoint.deployment
            if deployment is not None:
                deployment = rename_stack(deployment, old.name, new.name, new.project)
            tags = self.tags(old)
            checkpoints.write(self._stack_base(new), Checkpoint(new.qualified_name, deployment, checkpoint.features))
            history.rename(self._history_folder(old), old.name, self._history_folder(new), new.name)
            if tags:
                self.set_tags(new, tags)
            self.remove(old)

    def lock(self, reference: StackReference) -> AbstractContextManager[None]:
        """Hold the stack's lock for the length of a `with` block.

        Raises:
            StackLockedError: Another process holds it.
        """
        return locks.hold(self._lock_folder(reference), self._lock_url)

    def cancel(self, reference: StackReference) -> int:
        """Delete every lock of the stack; returns how many there were."""
        return locks.release_all(self._lock_folder(reference))

    def _lock_url(self, path: StorePath) -> str:
        return str(path) if isinstance(path, BucketPath) else f"file://{path.as_posix()}?no_tmp_dir=true"

    def _write_meta(self) -> None:
        meta = self.root / "meta.yaml"
        if not self.legacy and not meta.exists():
            write_atomically(meta, f"version: {_META_VERSION}\n".encode())

    # --- history, backups, tags --------------------------------------------------------------------------------------

    def record(self, reference: StackReference, info: UpdateInfo) -> None:
        """Add a finished update to the history and put a copy of the checkpoint among the backups."""
        path = self.checkpoint_file(reference)
        data = read_file(path) or b""
        suffix = path.name.removeprefix(f"{reference.name}.json")
        history.add(self._history_folder(reference), reference.name, info, data, suffix)
        if not checkpoints.is_truthy("PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS"):
            name = f"{reference.name}.{time.time_ns()}.json{suffix}"
            write_atomically(self._backup_folder(reference) / name, data, durable=False)

    def history(self, reference: StackReference, page_size: int = 0, page: int = 1) -> list[UpdateInfo]:
        """The stack's updates, newest first; `page_size` 0 for all."""
        return history.read(self._history_folder(reference), reference.name, page_size, page)

    def tags(self, reference: StackReference) -> dict[str, str]:
        """The stack's tags.

        Raises:
            EngineError: Their file is broken.
        """
        path = self._tags_file(reference)
        data = read_file(path)
        if data is None:
            return {}
        try:
            return {str(key): str(value) for key, value in (json.loads(data).get("tags") or {}).items()}
        except (ValueError, AttributeError) as error:
            raise EngineError(f"failed to load stack tags: '{path}': {error}") from error

    def set_tags(self, reference: StackReference, tags: dict[str, str]) -> None:
        """Replace the stack's tags."""
        content = {"version": 1, "tags": dict(sorted(tags.items()))}
        write_atomically(self._tags_file(reference), values.dumps(content).encode())


def snapshot_json(snapshot: state.Snapshot) -> dict[str, Any]:
    """The deployment JSON of a snapshot without secrets."""
    return state.deployment_to_json(snapshot, None)
