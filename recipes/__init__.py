"""Installed as ``relik_ml.recipes``; the bare name cannot be imported."""

if __name__ == "recipes":
    raise ImportError("import relik_ml.recipes, not recipes: run `pip install -e .` in the repository first")
