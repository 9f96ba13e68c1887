"""Installed as ``relik_ml.indexes``; the bare name cannot be imported."""

if __name__ == "indexes":
    raise ImportError("import relik_ml.indexes, not indexes: run `pip install -e .` in the repository first")
