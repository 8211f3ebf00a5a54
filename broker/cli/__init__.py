"""The `concordat` command, a file per noun."""
