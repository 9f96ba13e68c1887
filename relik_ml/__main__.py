"""``python -m relik_ml`` is the ``relik-ml`` command."""

from relik_ml.cli import main

if __name__ == "__main__":
    main(prog_name="relik-ml")
