"""`python -m vestibule.cli`: how the commands start one another."""

from vestibule.cli.main import main

if __name__ == "__main__":
    main()
