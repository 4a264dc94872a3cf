# Everything a user or CI does with this repository. `make run` and `make test` set up what they need by themselves.

BINARY   := .build/vitals
STATE    ?= $(CURDIR)/.build/state
SWIFT    ?= swift
# With what the tests take from PyPI; `scripts/deps` makes it.
PYTHON   := .build/python/bin/python3
STRICT   := --explicit-target-dependency-import-check error
# Without $ORIGIN in the search path: 75 files are looked for beside the program otherwise, at each start.
RELEASE  := -c release --static-swift-stdlib --disable-local-rpath $(STRICT)
VERSION  := $(shell sed -n 's/.*let vitalsVersion = "\(.*\)".*/\1/p' Sources/Platform/Version.swift)

.PHONY: run test bench torture build deps test-deps lint format deb install install-files clean unit end-to-end

run: build
	@mkdir -p $(STATE)
	VITALS_STATE=$(STATE) $(BINARY) run --config agent.json --state-directory $(STATE)

build: deps
	$(SWIFT) build $(RELEASE) --product vitals
	@strip -o $(BINARY).new .build/release/vitals && mv $(BINARY).new $(BINARY)
	@ls -l $(BINARY) | awk '{ printf "built %s: %.1f MB\n", $$9, $$5 / 1000000 }'

# The Debian packages to build with, and those that the tests and benchmarks drive.
deps:
	@scripts/deps build

test-deps:
	@scripts/deps build test

test: test-deps unit build end-to-end

unit:
	@scripts/unit $(SWIFT) test $(STRICT)

end-to-end: deb
	$(PYTHON) Tests/EndToEnd/run.py --binary $(BINARY)

bench: test-deps build
	$(PYTHON) Tests/Bench/bench.py --binary $(BINARY)

# Half an hour of programs that rotate their logs, beside an agent that is killed, held and cut off; see torture.py.
torture: test-deps build
	$(PYTHON) Tests/EndToEnd/torture.py --binary $(BINARY)

lint:
	$(SWIFT) format lint --strict -r Sources Tests Package.swift
	$(SWIFT) test $(STRICT) --filter TidyTests

format:
	$(SWIFT) format -i -r Sources Tests Package.swift

deb: build
	@scripts/deb $(VERSION) $(BINARY) .build

PREFIX ?= /usr
DOC = $(DESTDIR)$(PREFIX)/share/doc/vitals
UNIT = $(DESTDIR)$(PREFIX)/lib/systemd/system/vitals.service

install: build install-files
	test -e $(DESTDIR)/etc/vitals/agent.json || install -D -m 644 packaging/agent.json $(DESTDIR)/etc/vitals/agent.json

# All that is installed, by `make install` and in the package, but for the settings, which are the administrator's. The
# unit names the binary and the README where they are put; links between the documents hold.
install-files:
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/vitals
	install -D -m 644 systemd/vitals.service $(UNIT)
	sed -i -e 's|=/usr/bin/|=$(PREFIX)/bin/|' -e 's|=file:/usr/share/|=file:$(PREFIX)/share/|' $(UNIT)
	install -D -m 644 systemd/vitals.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/vitals.conf
	install -D -m 644 systemd/vitals.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/vitals.conf
	install -D -m 644 -t $(DOC) README.md CONTRIBUTING.md
	install -D -m 644 -t $(DOC)/docs docs/*.md
	install -D -m 644 -t $(DOC)/examples packaging/examples/*.json
	install -D -m 644 agent.json $(DOC)/examples/to-a-local-file.json
	install -D -m 644 LICENSE $(DOC)/copyright
	gzip -9 -n -c CHANGELOG.md > $(DOC)/changelog.gz

clean:
	rm -rf .build
