"""`python -m broker.cli`: the command, for processes that start others without knowing where scripts are."""

from broker.cli.app import main

if __name__ == "__main__":
    main()
