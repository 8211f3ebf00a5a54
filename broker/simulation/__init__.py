"""Agreements tried on past events before anybody signs: decided by the plans and the evaluator that workers use."""
