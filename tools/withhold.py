"""Copy the course for a class that should not read its solutions: solutions/ holds what the checks need, and no text.

python -m tools.withhold DIR   write such a copy into DIR; --without 1.7 2.2: these exercises given, solved

The checks compare with the reference and can't do without it, so it is there in compiled form, without comments,
docstrings or model answers. Nobody can read it, but code can still call it. It runs with this version of Python only.
"""

import argparse
import ast
import json
import marshal
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COURSE = ["utils.py", "requirements.txt", "LICENSE", "data", "tools"]  # and what of tests/ a learner calls
CHECKS = ["__init__.py", "checking.py", "part*"]
STUB = """# What the checks need of {name}, compiled for Python {version}. Its text is withheld.
import marshal
import sys
from pathlib import Path

if "{{}}.{{}}".format(*sys.version_info) != "{version}":
    raise ImportError("this copy of the course was made for Python {version}: run it with that")
exec(marshal.loads(Path(__file__).with_suffix(".code").read_bytes()))
"""


def write_reference(folder: Path) -> None:
    """Write what the checks need of solutions/: each part compiled, the frame of its notebook, and the assets."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    version = "{}.{}".format(*sys.version_info)
    for path in sorted((ROOT / "solutions").glob("part*.py")):
        code = compile(without_text(path.read_text(encoding="utf-8")), path.name, "exec")
        (folder / f"{path.stem}.code").write_bytes(marshal.dumps(code))
        (folder / path.name).write_text(STUB.format(name=path.stem, version=version), encoding="utf-8")
        frame = frame_of(json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8")))
        (folder / f"{path.stem}.ipynb").write_text(json.dumps(frame), encoding="utf-8")
    shutil.copytree(ROOT / "solutions" / "assets", folder / "assets", dirs_exist_ok=True)


def without_text(source: str) -> ast.Module:
    """A part without its docstrings and without the cells that run."""
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "MAIN")]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body[0] = ast.copy_location(ast.Pass(), node.body[0])
    return tree


def frame_of(notebook: dict) -> dict:
    """A solved notebook without its code, pictures and model answers: what is left names the exercises."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"], cell["outputs"], cell["execution_count"] = "", [], None
        elif "nbgrader" in cell["metadata"]:
            cell["source"] = ""
    return notebook


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--without", nargs="+", default=[], metavar="NUMBER")
    options = parser.parse_args(arguments)
    from tools import build  # slow, and needed only here

    given = ["--without", *options.without] if options.without else []
    if build.main(["--hand-out", str(options.folder / "notebooks"), *given]):
        return 1
    ignored = shutil.ignore_patterns("__pycache__", "bench")
    checks = [path for pattern in CHECKS for path in sorted((ROOT / "tests").glob(pattern))]
    for path in [*(ROOT / name for name in COURSE), *checks]:
        target = options.folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, ignore=ignored, dirs_exist_ok=True)
        elif path.exists():
            shutil.copy2(path, target)
    write_reference(options.folder / "solutions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
