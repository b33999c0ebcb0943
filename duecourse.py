"""Runs Duecourse's command line, for the program `duecourse` that the set-up makes, and without it: `python duecourse.py COMMAND`."""

from cli.app import main

if __name__ == "__main__":
    main()
