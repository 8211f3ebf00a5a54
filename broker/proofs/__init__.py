"""Proofs: each mechanism shown at work, on an event that it refuses and that would be delivered without it.

NOTHING-UNENFORCED is kept twice: `agreements.mechanisms` names what makes each clause hold, and this package runs it, in
milliseconds, before an agreement is submitted, before the signature that activates it, and when a worker starts.  A mechanism
that somebody has taken out of the code makes its proof fail, whatever the table says.

To enter a proof for a clause `x.y` that becomes `enforced` or `partly` enforced:

1. Write a function in `terms`, `shares`, `labels` or `stops` (or a module beside them) that takes nothing and returns "" where the
   mechanism holds, else what was seen instead.  `world.deliver(agreement(...))` takes a made-up event the whole way from
   compile to audit leaf; `proof.withheld(with_clause, without, reason)` compares the two.  Always show both sides: an event
   that is refused whatever the agreement says proves nothing.
2. Enter it into that module's `PROOFS` under the clause's name; a new module's into `prove.PROOFS`.
3. Enter the clause into `everything` of `tests/unit/proofs/mutants.py`, and into its `MUTATIONS` each way to take the mechanism
   out of the code that does the work (never its entry in a table).  A clause without a proof, or without a mutation, fails
   the tests there.
"""
