"""A stack's state as it really is: its checkpoint with what the journal of an interrupted run holds beyond it.

Secrets stay sealed throughout, so no passphrase is needed.
"""

from __future__ import annotations

from embedded.engine import snapshot as snapshots
from embedded.engine import state
from embedded.engine.backend.checkpoints import Checkpoint
from embedded.engine.backend.journal import fingerprint, read_entries, remove
from embedded.engine.backend.references import StackReference
from embedded.engine.backend.stacks import FileBackend


def current_checkpoint(backend: FileBackend, reference: StackReference) -> Checkpoint:
    """The stack's state with its journal applied; nothing is written.

    Raises:
        StackNotFoundError: There is no such stack.
        EngineError: Checkpoint or journal is broken.
    """
    checkpoint = backend.checkpoint(reference)
    path = backend.journal_file(reference)
    if not path.is_file():
        return checkpoint
    entries = read_entries(path, fingerprint(backend.checkpoint_bytes(reference)))
    if not entries:
        return checkpoint
    base = state.deployment_from_json(checkpoint.deployment or {}, None)
    after = snapshots.replay(base, entries)
    return Checkpoint(checkpoint.stack, state.deployment_to_json(after, None), state.features_of(after))


def recover(backend: FileBackend, reference: StackReference) -> Checkpoint:
    """The stack's state with its journal applied and merged into the checkpoint; the caller holds the stack's lock.

    Raises:
        StackNotFoundError: There is no such stack.
        EngineError: Checkpoint or journal is broken.
    """
    path = backend.journal_file(reference)
    had_journal = path.is_file()
    checkpoint = current_checkpoint(backend, reference)
    if had_journal:
        if checkpoint.deployment is not None:
            backend.save(reference, checkpoint.deployment, checkpoint.features)
        remove(path)
    return checkpoint
