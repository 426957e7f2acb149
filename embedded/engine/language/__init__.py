"""Runs Pulumi programs: a Python program in a process of its own, or one that serves `LanguageRuntime` at an address."""

from embedded.engine.language.host import LanguageHost, Program, RunInfo, RunResult, program_python, start_early
from embedded.engine.language.interpreter import Interpreter

__all__ = ["Interpreter", "LanguageHost", "Program", "RunInfo", "RunResult", "program_python", "start_early"]
