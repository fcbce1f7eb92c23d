"""Where real networks are, each in a folder with its model.onnx."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def real_models():
    """$NACRE_REAL_MODELS, or the folder real-models beside the project's own folders, as real_models.sh has it; None if
    there is none."""
    named = os.environ.get("NACRE_REAL_MODELS")
    folders = [pathlib.Path(named)] if named else sorted(ROOT.parent.glob("*/real-models"))
    return next((folder for folder in reversed(folders) if folder.is_dir()), None)
