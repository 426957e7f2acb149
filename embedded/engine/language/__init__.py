"""Runs Pulumi programs: a Python program in a process of its own, or one that serves `LanguageRuntime` at an address."""

from embedded.engine.language.host import LanguageHost, Program, RunInfo, RunResult

__all__ = ["LanguageHost", "Program", "RunInfo", "RunResult"]
