"""Concordat's broker: register, intake, policy, delivery, audit and the service around them."""

__version__ = "0.1.0"
