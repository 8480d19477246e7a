"""A build hook of hatch: ``[tool.hatch.build.hooks.wasmbuild] package = "edge/wasm"``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from wasmbuild.errors import WasmbuildError
from wasmbuild.lean.typing import Any
from wasmbuild.packaging import requirements, shipped, tags
from wasmbuild.project import filenames
from wasmbuild.project.globs import literal
from wasmbuild.text import quoted

_TABLE = "tool.hatch.build.hooks.wasmbuild"
# What hatch itself reads in the table of any hook.
_OF_HATCH = ("dependencies", "enable-by-default", "require-runtime-dependencies", "require-runtime-features")
_ANOTHER = "another build hook wants"
# What a build keeps for itself, wherever it lies, and what one that was killed left of that.
_OWN = (f"{filenames.STATE_DIRECTORY}*", f"*{filenames.ARTIFACT_RECORD_SUFFIX}")


class WasmbuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the artifacts of a wheel, and keeps them out of source distributions."""

    PLUGIN_NAME = "wasmbuild"
    _tag: str | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        try:
            self._initialize(version, build_data)
        except WasmbuildError as error:
            self.app.abort(str(error))

    def _initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        table = {key: value for key, value in self.config.items() if key not in _OF_HATCH}
        settings = shipped.read(root, table, _TABLE)
        # Not what lies there, records and what an earlier build left too, but what this one names.
        left_over = [directory for directory in _left_over(self.root) if directory != settings.package]
        self._add("exclude", *(f"/{literal(directory)}/**" for directory in (settings.package, *left_over)), *_OWN)
        self._add("artifacts", f"!/{settings.package}/**")  # what a project names there is shipped whatever is excluded
        self._tell_left_out(left_over)
        if self.target_name == "sdist":
            for path in shipped.sources(root, settings, whole=True):
                build_data["force_include"][str(_without_link(root / path))] = path
        if self.target_name != "wheel":
            return
        shipment = shipped.build(root, settings, self._packages(), self._in_wheel, editable=version == "editable")
        self._require(build_data, shipment.requirements)
        if version != "editable":
            build_data["force_include"].update({str(path): name for name, path in shipment.files.items()})
        if shipment.tag is not None:
            if build_data.get("infer_tag") or "tag" in build_data:
                raise tags.with_other_code(_ANOTHER)
            build_data["pure_python"] = False
            build_data["tag"] = self._tag = f"py3-none-{shipment.tag}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        # A hook that runs after this one asks when the tag is there already, and hatch passes over that.
        if self._tag is not None and build_data.get("tag") == self._tag and build_data["infer_tag"]:
            os.remove(artifact_path)
            self.app.abort(str(tags.with_other_code(_ANOTHER)))

    def _add(self, key: str, *added: str) -> None:
        # A list of the target, once there is one, takes the place of that for all targets.
        patterns = self.build_config.target_config.get(key, self.build_config.build_config.get(key, []))
        if isinstance(patterns, list):  # else hatch says what is wrong with it
            self.build_config.target_config[key] = [*patterns, *added]

    def _tell_left_out(self, directories: list[str]) -> None:
        for directory in directories:
            lying = (path.relative_to(self.root) for path in Path(self.root, directory).rglob("*"))
            if not any(self.build_config.path_is_artifact(str(path)) for path in lying):
                named = quoted(f"/{directory}/**")
                self.app.display_warning(
                    f"{directory}: is a build directory of wasmbuild, and not the package of [{_TABLE}]: it is left "
                    f"out; delete it, or write {named} in artifacts of the target"
                )

    def _packages(self) -> list[str]:
        packages: list[str] = self.build_config.packages
        # What only-include names in their place, and what force-include adds, may have others.
        if self.build_config.get_force_include():
            return []
        return packages if set(packages) == set(self.build_config.only_include.values()) else []

    def _in_wheel(self, directory: str) -> str:
        path: str = self.build_config.get_distribution_path(directory.replace("/", os.sep))
        return path.replace(os.sep, "/")

    def _require(self, build_data: dict[str, Any], required: list[str]) -> None:
        declared = self.metadata.core.dependencies
        # What is declared and what is added hold together; a library of another line leaves nothing to install.
        if problem := requirements.conflict(required, [*declared, *required]):
            self.app.abort(problem)
        build_data["dependencies"].extend(requirements.absent(required, declared))
        lacking = [text for text in required if requirements.conflict([text], declared)]
        if lacking:
            without = {text: " without a marker" for text in lacking if requirements.is_for_some(text, declared)}
            said = " and ".join(f"{quoted(text)}{without.get(text, '')}" for text in lacking)
            self.app.display_warning(
                f"[project] dependencies lacks {said}, which the wheel requires all the same; whoever asks for the "
                f"requirements before building, as uv does, is not told: write that there too"
            )


def _left_over(root: str) -> list[str]:
    """Return the build directories in the tree, such as that of a ``package`` which has another name now."""
    found = []
    for folder, below, _ in os.walk(root):
        if filenames.STATE_DIRECTORY in below and _has_only_what_builds_make(folder):
            found.append(os.path.relpath(folder, root).replace(os.sep, "/"))
        below[:] = [name for name in below if not name.startswith(".")]
    return found


def _has_only_what_builds_make(directory: str) -> bool:
    # Whoever builds beside sources or modules ships these.
    for _, below, files in os.walk(directory):
        below[:] = [name for name in below if not name.startswith(".")]
        sources = {f"{name.removesuffix(filenames.ARTIFACT_SUFFIX)}{filenames.WASM_SUFFIX}" for name in files}
        made = {filenames.INDEX, filenames.MANIFEST, *sources}
        others = [name for name in files if name not in made and not name.startswith(".")]
        if not all(name.endswith((filenames.ARTIFACT_SUFFIX, filenames.ARTIFACT_RECORD_SUFFIX)) for name in others):
            return False
    return True


def _without_link(path: Path) -> Path:
    """Return a file for hatch to pack, which packs a link as one, to what need not be where that is unpacked."""
    if not os.path.islink(path):
        return path
    # What it leads to may be packed too, and hatch takes each file once.
    copy = shipped.temporary_directory() / path.name
    shutil.copy(path, copy)
    return copy


@hookimpl
def hatch_register_build_hook() -> type[WasmbuildHook]:
    """Tell hatch of the hook, by the entry point that names this module."""
    return WasmbuildHook
