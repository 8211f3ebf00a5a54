"""Which treatment tells no more than which: the partial order by which an agreement may narrow its umbrella (decision 32).

    drop <= everything <= keep          truncate 1 <= truncate 3          year <= month <= day <= hour
    band 20 <= band 10 (a multiple)     mask <= mask that keeps some      any other two: incomparable

A treatment stands below another only where its result can be worked out from the other's, for every value.  So a mask
that keeps fewer characters is *not* below one that keeps more: a text too short for the longer one is masked whole by it.
Tokens and ciphertexts stand below `keep` alone, since they can be joined or opened and other treatments cannot.
"""

from __future__ import annotations

from agreements.treatments import Band, Mask, Treatment

_GRAINS = ("year", "month", "day", "hour")


def tells_no_more(treatment: Treatment, ceiling: Treatment) -> bool:
    """Whether `treatment` is at least as strong as `ceiling`; False for two that cannot be compared."""
    if treatment == ceiling or treatment.action == "drop" or ceiling.action == "keep":
        return True
    if treatment.action != ceiling.action:
        return False
    match treatment.action:
        case "truncate":
            return (treatment.truncate_characters or 0) <= (ceiling.truncate_characters or 0)
        case "mask":
            return treatment.mask == Mask()
        case "generalise":
            return _is_coarser(treatment, ceiling)
        case _:
            return False


def _is_coarser(treatment: Treatment, ceiling: Treatment) -> bool:
    step, finest = treatment.generalise, ceiling.generalise
    if isinstance(step, Band) and isinstance(finest, Band):
        return step.width % finest.width == 0
    if step in _GRAINS and finest in _GRAINS:
        return _GRAINS.index(step) <= _GRAINS.index(finest)
    return False
