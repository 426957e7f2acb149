"""Deployments: what the program wants against what the state has, made into steps and run.

run(operation) -> Result      up, preview, refresh, destroy, import
"""

from embedded.engine.deployment.operation import ImportSpec, Operation, Result
from embedded.engine.deployment.run import run

__all__ = ["ImportSpec", "Operation", "Result", "run"]
