"""GNU Make: the whole project as one rule, and a pattern rule for the artifacts of each target."""

from __future__ import annotations

from systems import JOBS, System

WHOLE = """\
wasm.stamp: wasmbuild.toml
	+wasmbuild build --quiet --build-dir OUT --state-dir .state --stamp $@ --depfile $@.d
-include wasm.stamp.d
clean: ; rm -rf OUT .state wasm.stamp wasm.stamp.d
"""
EACH = """\
MODULES := $(patsubst %.wasm,%,$(wildcard *.wasm plugins/*.wasm))
TARGETS := x64 portable
ARTIFACTS := $(foreach target,$(TARGETS),$(MODULES:%=OUT/$(target)/%.cwasm))
MANIFESTS := $(TARGETS:%=OUT/%/manifest.json)

OUT/index.json: $(ARTIFACTS) $(MANIFESTS) wasmbuild.toml plugins
	wasmbuild manifest --build-dir OUT --state-dir .state

$(MANIFESTS):

define rule
OUT/$1/%.cwasm: %.wasm wasmbuild.toml
	wasmbuild compile $$< --target $1 -o $$@ --record $$@.json --depfile .state/$1/$$*.d
endef
$(foreach target,$(TARGETS),$(eval $(call rule,$(target))))
-include $(foreach target,$(TARGETS),$(MODULES:%=.state/$(target)/%.d))

clean: ; rm -rf OUT .state
"""


def whole(out: str = "out") -> System:
    return System(
        "make",
        {"Makefile": WHOLE.replace("OUT", f'"{out}"' if " " in out else out)},
        ("make", f"-j{JOBS}"),
        r"make: 'wasm\.stamp' is up to date\.\n",
        ("make", "clean"),
        whole,
        out=out,
        needs=("make",),
    )


def each(out: str = "out") -> System:
    return System(
        "make-per-artifact",
        {"Makefile": EACH.replace("OUT", out)},
        ("make", f"-j{JOBS}"),
        r"make: '.*/index\.json' is up to date\.\n",
        ("make", "clean"),
        each,
        out=out,
        needs=("make",),
        reasons={
            "tampered": "Make sees that an artifact is newer, not that it is another: manifest fails by id",
            "build_directory_with_a_blank": "Make has no targets with blanks in their names; as one rule it works",
        },
    )


SYSTEMS = (whole(), each())
