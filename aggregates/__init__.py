"""
Turn label records into tables that may be published.

Reading order: `study` (what is asked) → `population` and `workload` (what its names mean, and
which sums that needs; `gram` for regressions, `partition` and `sharing` for rates that are told
together) → `plan` and `forecast` → `kernel` and `tally` (exact integers) → `release` and
`estimates` (after the noise) → `worker` (all of it, inside the seal) → `bundle`.  Beside it stands
what is made up: `law` and `twin`, `factors` and `parameters` (what is true of it), `reproduction`
(the published study, and whether a release gives it back).

This door opens lazily: importing `aggregates` loads none of numpy, pandas and OpenDP.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privacy.verification import verify_bundle as verify

    from .bundle import Bundle, compose, read_bundle
    from .plan import plan
    from .release import release
    from .study import Study

__all__ = ["Bundle", "Study", "compose", "plan", "read_bundle", "release", "verify"]

_HOMES = {
    "Bundle": ("aggregates.bundle", "Bundle"),
    "Study": ("aggregates.study", "Study"),
    "compose": ("aggregates.bundle", "compose"),
    "plan": ("aggregates.plan", "plan"),
    "read_bundle": ("aggregates.bundle", "read_bundle"),
    "release": ("aggregates.release", "release"),
    "verify": ("privacy.verification", "verify_bundle"),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


class _FrontDoor(ModuleType):
    """
    Keeps `plan` and `release` the verbs that they are at this door.

    Importing a submodule makes Python set it as an attribute of its package, which would hide
    the function of the same name from then on.  The submodules stay where the import system
    looks for them, in `sys.modules`.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _FrontDoor
