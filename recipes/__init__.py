"""Installed as ``relik_ml.recipes``; the bare name is nobody's to import."""

if __name__ == "recipes":
    raise ImportError("import relik_ml.recipes, not recipes: run `pip install -e .` in the repository first")
