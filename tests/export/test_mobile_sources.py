"""The Kotlin and Swift samples: every name and order in them is the exported model's.

Neither is compiled here. What is checked is where samples go wrong: joints in another order, outputs of another name,
constants that are not there.
"""

import json
import pathlib
import re

import pytest
from ai_edge_litert.interpreter import Interpreter
from small_bundle import small_assets

from export.mobile import constants, serve

# The converters warn about their own use of deprecated interfaces.
pytestmark = pytest.mark.filterwarnings("ignore")

MOBILE = pathlib.Path(serve.__file__).parent
KOTLIN = sorted((MOBILE / "android" / "app" / "src").rglob("*.kt"))
SWIFT = sorted((MOBILE / "ios" / "Sources").glob("*.swift"))

_STRING = r'"((?:[^"\\]|\\.)*)"'


class Constants:
    """A PoseSkeleton.kt or .swift, taken apart."""

    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        self.kotlin = path.suffix == ".kt"
        declared = r"\b(?:val|enum class|class) (\w+)" if self.kotlin else r"\b(?:static let|enum|struct) (\w+)"
        self.names = set(re.findall(declared, self.text)) - {"PoseSkeleton"}
        self.texts = dict(re.findall(rf"\b(?:val|let) (\w+) = {_STRING}", self.text))

    def listed(self, name):
        (body,) = re.findall(rf"\b{name} = (?:listOf\(|\[)\n(.*?)\n    [)\]]", self.text, re.DOTALL)
        return re.findall(rf"^ +{_STRING},? // \d+$", body, re.MULTILINE)

    def bones(self):
        """(child, parent, side) by name."""
        joints = self.listed("JOINTS" if self.kotlin else "joints")
        found = re.findall(r"Bone\((?:child: )?(\d+), (?:parent: )?(\d+), (?:side: |Side)\.(\w+)\)", self.text)
        return [(joints[int(child)], joints[int(parent)], side.lower()) for child, parent, side in found]

    def named(self, kind):
        start = f"{kind.upper()}_" if self.kotlin else kind
        return {text for name, text in self.texts.items() if name.startswith(start) and name != start}


@pytest.fixture(scope="module", params=["kotlin/PoseSkeleton.kt", "swift/PoseSkeleton.swift"])
def written(request):
    return Constants(small_assets() / request.param)


@pytest.fixture(scope="module")
def facts():
    return json.loads((small_assets() / "model" / "skeleton.json").read_text())


def name(written, upper):
    return upper if written.kotlin else re.sub(r"_(\w)", lambda match: match[1].upper(), upper.lower())


def test_joints_and_keypoints_are_in_the_models_order(written, facts):
    assert written.listed(name(written, "KEYPOINTS")) == facts["keypoints"]
    assert written.listed(name(written, "JOINTS")) == facts["joints"]


def test_bones_join_the_joints_of_the_skeleton(written, facts):
    def side(joint):
        return "left" if joint in facts["left"] else "right" if joint in facts["right"] else "middle"

    assert written.bones() == [(child, parent, side(child)) for child, parent in facts["bones"]]


def test_inputs_and_outputs_are_those_of_the_file(written, facts):
    interpreter = Interpreter(model_path=str(small_assets() / "model" / facts["model"]))
    ((key, has),) = interpreter.get_signature_list().items()
    assert written.texts[name(written, "SIGNATURE")] == key
    assert written.named("input") == set(has["inputs"])
    assert written.named("output") == set(has["outputs"])


@pytest.mark.parametrize("outputs", [("poses_3d", "valid"), ("poses_3d", "valid", "elevation_deg", "nll")])
def test_the_samples_find_their_constants_with_any_outputs(outputs, facts, tmp_path):
    other = facts | {"outputs": dict.fromkeys(outputs, "")}
    for suffix, make, sources in (("kt", constants.kotlin, KOTLIN), ("swift", constants.swift, SWIFT)):
        (tmp_path / f"PoseSkeleton.{suffix}").write_text(make(other), encoding="utf-8")
        made = Constants(tmp_path / f"PoseSkeleton.{suffix}")
        has = re.search(r"(?i)has_?elevation = (\w+)", made.text)
        assert has and (has[1] == "true") == ("elevation_deg" in outputs)
        used = {use for path in sources for use in re.findall(r"\bPoseSkeleton\.(\w+)", path.read_text("utf-8"))}
        assert len(used) >= 10 and used <= made.names, used - made.names


def test_the_samples_contain_no_names_of_joints_and_tensors(facts):
    taken = {*facts["keypoints"], *facts["joints"], *facts["inputs"], *facts["outputs"], facts["signature"]}
    for path in (*KOTLIN, *SWIFT):
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert not set(re.findall(_STRING, code)) & taken, path.name


def test_names_with_quotes_are_escaped(facts):
    odd = ['a"b', "c\\d", "$e", "\\(f)"]
    changed = facts | {"keypoints": odd}
    assert '"a\\"b", // 0' in constants.kotlin(changed) and '"\\$e", // 2' in constants.kotlin(changed)
    assert '"$e", // 2' in constants.swift(changed) and '"\\\\(f)" // 3' in constants.swift(changed)
    with pytest.raises(ValueError, match="must be printable"):
        constants.swift(facts | {"root": "a\nb"})


def test_versions_are_pinned_and_no_server_is_named():
    gradle = (MOBILE / "android" / "app" / "build.gradle.kts").read_text()
    assert re.search(r"com\.google\.ai\.edge\.litert:litert:\d+\.\d+\.\d+\"", gradle)
    assert re.search(r"'TensorFlowLiteSwift', '\d+\.\d+\.\d+'", (MOBILE / "ios" / "Podfile").read_text())
    packages = json.loads((MOBILE / "web" / "package.json").read_text())["dependencies"]
    assert packages and all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in packages.values())
    for path in (*MOBILE.glob("android/*.kts"), *MOBILE.glob("ios/Podfile"), *MOBILE.glob("web/.npmrc")):
        assert "://" not in path.read_text(), path.name
