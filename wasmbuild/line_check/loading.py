"""What the loader of a line makes of engines that differ, and whether its words are known."""

from __future__ import annotations

from wasmbuild.diagnosis import loading
from wasmbuild.engine import host
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import CHECKS, EQUAL, FEATURE, RUNTIME, UNSEEN, Line
from wasmbuild.line_check.compilers import Compilers
from wasmbuild.line_check.settings import changed_engines, targets
from wasmbuild.line_check.topic import Topic
from wasmbuild.text import shown


def checks(line: Line, compilers: Compilers) -> Topic:
    """The loader refuses and takes artifacts as the word under ``check`` says, and its message names the setting."""
    topic = Topic("loader")
    for triple in targets():
        if not host.runs(triple):
            topic.untried.append(f"what the loader makes of artifacts for {triple.text}")
            continue
        plain = EngineConfig(line.number, triple, {}, {})
        compiled = compilers.compile(plain.executable_arguments()).artifact
        for setting, value, engine in changed_engines(line, triple):
            changed = compilers.compile(engine.executable_arguments()).artifact
            if compiled is None or changed is None or setting.check == RUNTIME:
                continue
            said = [compilers.refusal(changed, plain)]
            if not compilers.has_library_for(triple) or not engine.library_lacks(runs=False):
                said.append(compilers.refusal(compiled, engine))
            causes = [loading.cause(message, line.number) if message else None for message in said]
            # Of a feature, only the artifact that has it is refused, by the engine that has it not.
            expected = {EQUAL: [True, True], UNSEEN: [False, False], FEATURE: [value is True, value is not True]}
            # A flag of Cranelift that the setting changes is compared too, whatever the setting is.
            seen = [
                bool(message) and not (found is not None and found.word == loading.CODE_FLAG)
                for message, found in zip(said, causes, strict=True)
            ]
            what = f"{shown(value)} on {triple.text}"
            topic.check(
                seen == expected[setting.check][: len(seen)],
                f"settings.{setting.name}.check",
                f"the loader {' and '.join('refuses' if refused else 'takes' for refused in seen)} an artifact that "
                f"differs in {what}: not {setting.check!r} ({CHECKS[setting.check]})",
                "write the word for that: " + ", ".join(word for word in CHECKS if word != setting.check),
            )
            for message, found in zip(said, causes, strict=True):
                difference = None if found is None else loading.difference(found)
                names = ("", *engine.differences(plain))
                topic.check(
                    not message or (found is not None and (difference is None or difference.setting in names)),
                    f"settings.{setting.name}",
                    f"what the loader says of {what} is not known: {' '.join(message.split())[:300]}",
                    "add a row to diagnosis/loading.py",
                )
    return topic
