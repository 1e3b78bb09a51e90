"""`python -m pressplay`: the command line, whatever is on PATH."""

from pressplay.cli import run

if __name__ == "__main__":
    run()
