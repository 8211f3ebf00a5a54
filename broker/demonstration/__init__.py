"""The demonstration: the product's main job on embedded servers and real input, and then its proof.

`story` is the order of events; everything it asserts is computed from the stores' tables by `oracle`, which knows nothing
of the policy engine.
"""
