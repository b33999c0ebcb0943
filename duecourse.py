"""Runs Duecourse's command line: `python duecourse.py COMMAND`, or `duecourse COMMAND` once installed."""

from cli.app import main

if __name__ == "__main__":
    main()
