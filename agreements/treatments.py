"""What may happen to a field on its way out, and the short forms in which an agreement says it.

Text forms: `keep`, `drop`, `tokenise`, `encrypt`, `mask`, `{mask: {keep_last: 4}}`, `{truncate: 3}`,
`{generalise: hour|day|month|year|district}`, `{generalise: {band: 10}}`.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Action = Literal["keep", "drop", "tokenise", "encrypt", "mask", "truncate", "generalise"]
Grain = Literal["hour", "day", "month", "year", "district"]
_PLAIN = ("keep", "drop", "tokenise", "encrypt", "mask")
_LONGEST_CHARACTERS = 10_000
_GREATEST_INTEGER = 2**53 - 1


class Clause(BaseModel):
    """The base of every clause: frozen, strict, and without room for an unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Mask(Clause):
    """Every character becomes `*`, except the first `keep_first` and the last `keep_last`."""

    keep_first: Annotated[int, Field(ge=0, le=_LONGEST_CHARACTERS)] = 0
    keep_last: Annotated[int, Field(ge=0, le=_LONGEST_CHARACTERS)] = 0


class Band(Clause):
    """A number becomes the inclusive lower end of its band of `width`."""

    width: Annotated[int, Field(ge=1, le=_GREATEST_INTEGER)]


class Treatment(Clause):
    """What happens to one field on its way out.  Exactly the parameters that belong to `action` are set."""

    action: Action
    mask: Mask | None = None
    truncate_characters: Annotated[int, Field(ge=1, le=_LONGEST_CHARACTERS)] | None = None
    generalise: Grain | Band | None = None

    @model_validator(mode="after")
    def _parameters_belong(self) -> Self:
        wanted = {"mask": "mask", "truncate": "truncate_characters", "generalise": "generalise"}.get(self.action)
        for name in ("mask", "truncate_characters", "generalise"):
            if (getattr(self, name) is not None) != (name == wanted):
                raise ValueError(f"{self.action} {'needs' if name == wanted else 'does not take'} {name}")
        return self

    def short_form(self) -> str | dict[str, Any]:
        """The one spelling in an agreement's text."""
        match self.action:
            case "truncate":
                return {"truncate": self.truncate_characters}
            case "generalise":
                grain = self.generalise
                return {"generalise": {"band": grain.width} if isinstance(grain, Band) else grain}
            case "mask" if self.mask is not None and self.mask != Mask():
                kept = {"keep_first": self.mask.keep_first, "keep_last": self.mask.keep_last}
                return {"mask": {name: number for name, number in kept.items() if number}}
            case action:
                return action


def read_treatment(given: Any) -> Treatment:
    """A treatment from its text form; raises `ValueError` with what may stand there."""
    if isinstance(given, Treatment):
        return given
    if isinstance(given, str) and given in _PLAIN:
        return _plain(given)
    if isinstance(given, dict) and len(given) == 1:
        ((name, parameter),) = given.items()
        match name:
            case "mask":
                return Treatment(action="mask", mask=_mask(parameter))
            case "truncate":
                longest = _integer(parameter, "truncate", 1, _LONGEST_CHARACTERS)
                return _truncate(longest)
            case "generalise":
                return _generalise(_grain(parameter))
            case _:
                pass
    raise ValueError(
        "a treatment is keep, drop, tokenise, encrypt, mask, {mask: {keep_first: n, keep_last: n}}, {truncate: n},"
        " {generalise: hour|day|month|year|district} or {generalise: {band: n}}",
    )


# Treatments are immutable and there are few of them, but ten thousand agreements name them a hundred thousand times.
@cache
def _plain(name: str) -> Treatment:
    return Treatment(action=cast("Action", name), mask=Mask() if name == "mask" else None)


@lru_cache(maxsize=256)
def _truncate(longest: int) -> Treatment:
    return Treatment(action="truncate", truncate_characters=longest)


@lru_cache(maxsize=256)
def _generalise(grain: Grain | Band) -> Treatment:
    return Treatment(action="generalise", generalise=grain)


def _mask(parameter: Any) -> Mask:
    if not isinstance(parameter, dict) or not parameter or set(parameter) - {"keep_first", "keep_last"}:
        raise ValueError("mask takes keep_first, keep_last or both; without them it is written `mask`")
    kept = {name: _integer(number, name, 0, _LONGEST_CHARACTERS) for name, number in parameter.items()}
    return Mask(keep_first=kept.get("keep_first", 0), keep_last=kept.get("keep_last", 0))


def _grain(parameter: Any) -> Grain | Band:
    if isinstance(parameter, str) and parameter in get_args(Grain):
        return cast("Grain", parameter)
    if isinstance(parameter, dict) and list(parameter) == ["band"]:
        return Band(width=_integer(parameter["band"], "band", 1, _GREATEST_INTEGER))
    raise ValueError("generalise takes hour, day, month, year, district or {band: n}")


def _integer(given: Any, name: str, least: int, greatest: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= greatest:
        raise ValueError(f"{name} takes a whole number from {least} to {greatest}")
    return given
