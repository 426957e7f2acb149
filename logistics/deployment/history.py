"""A stack's history on whatever backend it lies: files, a bucket, or Pulumi Cloud."""

from __future__ import annotations

from urllib.parse import urlsplit

from logistics.deployment.cloud_versions import Ask, list_cloud_versions
from logistics.deployment.file_versions import list_file_versions
from logistics.deployment.versions import Version


def list_versions(backend_url: str, project: str, stack: str, ask: Ask) -> list[Version]:
    """Returns a stack's versions, oldest first.

    Args:
        backend_url: `file://…`, a bucket's URL, or `https://…` of Pulumi Cloud.
        project: the project's name.
        stack: the stack's name.
        ask: runs the `pulumi` command of the stack's engine; only Pulumi Cloud is asked through it.

    Raises:
        UsageError: the backend is none of these.
        LogisticsError: the history cannot be read.
    """
    if urlsplit(backend_url).scheme in ("https", "http"):
        return list_cloud_versions(ask, stack)
    return list_file_versions(backend_url, project, stack)
