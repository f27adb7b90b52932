"""A kubectl that builds kustomizations of plain files: resources, components, and JSON patches that add or replace a field."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = """
import functools, json, pathlib, sys
folder = pathlib.Path(__file__).parent
(folder / "kubectl-asked").write_text(json.dumps(sys.argv[1:]))
if "version" in sys.argv:
    sys.exit(print(json.dumps({"clientVersion": {"gitVersion": "v1.37.0"}})))
if (folder / "kubectl-error").exists():
    sys.exit((folder / "kubectl-error").read_text())
import yaml
fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
load, load_all = functools.partial(yaml.load, Loader=fast), functools.partial(yaml.load_all, Loader=fast)
dump_all = functools.partial(yaml.dump_all, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper))
def build(path):
    content = load((path / "kustomization.yaml").read_text())
    for entry in [*content.get("resources", ()), *content.get("components", ())]:
        target = path / entry
        if target.is_dir():
            yield from patched(target.resolve())
            continue
        for item in load_all(target.read_text()):
            origin = {"path": str(pathlib.Path("../" * 9 + str(target)))}
            item["metadata"].setdefault("annotations", {})["config.kubernetes.io/origin"] = dump_all([origin])
            yield item
def patched(path):
    content = load((path / "kustomization.yaml").read_text())
    for item in build(path):
        for patch in content.get("patches", ()):
            if (item["kind"], item["metadata"]["name"]) == (patch["target"]["kind"], patch["target"]["name"]):
                for step in load(patch["patch"]):
                    *parents, last = [int(one) if one.isdecimal() else one.replace("~1", "/") for one in step["path"].split("/")[1:]]
                    functools.reduce(lambda node, key: node[key], parents, item)[last] = step["value"]
        yield item
print(dump_all(build(pathlib.Path(sys.argv[2]))))
"""


def write_kubectl(folder: Path) -> Path:
    """Write the program into `folder`; it records its arguments next to itself, and fails with the text of `kubectl-error` there."""
    path = folder / "kubectl"
    path.write_text(f"#!{sys.executable}{PROGRAM}")
    path.chmod(0o755)
    return path
