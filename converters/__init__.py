"""Installed as ``relik_ml.converters``; the bare name must not be imported."""

if __name__ == "converters":
    raise ImportError("import relik_ml.converters, not converters: run `pip install -e .` in the repository first")
