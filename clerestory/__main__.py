"""`python -m clerestory`: the command line."""

from clerestory.cli import main

if __name__ == "__main__":
    main()
