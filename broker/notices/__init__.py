"""Notices: telling everybody who was ever delivered a record what has become of it, and following who has answered."""
