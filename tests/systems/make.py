"""GNU Make: the whole project as one rule, and a pattern rule for the artifacts of each target."""

from __future__ import annotations

from systems import System

WHOLE = """\
wasm.stamp: wasmbuild.toml
	+wasmbuild build --quiet --build-dir out --state-dir .state --stamp $@ --depfile $@.d
-include wasm.stamp.d
clean: ; rm -rf out .state wasm.stamp wasm.stamp.d
"""
EACH = """\
MODULES := $(patsubst %.wasm,%,$(wildcard *.wasm plugins/*.wasm))
TARGETS := x64 portable
ARTIFACTS := $(foreach target,$(TARGETS),$(MODULES:%=out/$(target)/%.cwasm))

out/index.json: $(ARTIFACTS) wasmbuild.toml plugins
	wasmbuild manifest --build-dir out --state-dir .state

define rule
out/$1/%.cwasm: %.wasm wasmbuild.toml
	wasmbuild compile $$< --target $1 -o $$@ --record $$@.json --depfile .state/$1/$$*.d
endef
$(foreach target,$(TARGETS),$(eval $(call rule,$(target))))
-include $(foreach target,$(TARGETS),$(MODULES:%=.state/$(target)/%.d))

clean: ; rm -rf out .state
"""

SYSTEMS = (
    System(
        "make",
        {"Makefile": WHOLE},
        ("make", "-j4"),
        r"make: 'wasm\.stamp' is up to date\.\n",
        ("make", "clean"),
        needs=("make",),
    ),
    System(
        "make-per-artifact",
        {"Makefile": EACH},
        ("make", "-j4"),
        r"make: 'out/index\.json' is up to date\.\n",
        ("make", "clean"),
        needs=("make",),
        reasons={
            "tampered": "Make sees that an artifact is newer, not that it is another: manifest fails by id",
        },
    ),
)
