"""The policy engine: agreement and contract compiled to a plan, records decided by it."""
