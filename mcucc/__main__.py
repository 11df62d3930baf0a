"""`python -m mcucc`: the command line."""

from mcucc.cli import main

if __name__ == "__main__":
    main()
