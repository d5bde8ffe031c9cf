"""`constructs-ml`, and `python -m constructs_ml`: the command line, whose packages are an extra."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Exits with what to install where its packages are missing."""
    try:
        from constructs_ml.cli import app
    except ModuleNotFoundError as missing:
        if missing.name not in ("typer", "rich"):
            raise
        sys.exit('the command needs packages of its own: pip install "constructs-ml[cli]"')
    app()


if __name__ == "__main__":
    main()
