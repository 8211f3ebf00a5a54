"""Writing agreements: templates with guidance, questions, edits in place, and the reference of every key."""
