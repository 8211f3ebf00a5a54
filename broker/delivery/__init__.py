"""Delivery: the transaction loop and the state of what each department holds."""
