"""Where the project's own files lie: every path to a file that is shipped with Duecourse begins here."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
