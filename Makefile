# Millrace. "make" alone lists what can be made.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE := $(CURDIR)/.cache
TOOL := go tool -modfile=$(CURDIR)/tools/go.mod
GOTEST := $(CACHE)/gotest

# Our modules; and the ones that have tests without a client or a server of others.
OURS := find . \( -path ./.cache -o -path ./.git \) -prune -o
MODULES := $(sort $(patsubst ./%,%,$(patsubst %/go.mod,%,$(shell $(OURS) -name go.mod -print))))
TESTED := $(filter-out interop interop/postgres interop/s3,$(MODULES))

# The packages of a module, in a shell that stands in it. The generator of the
# fixtures lies where "./..." does not look.
PACKAGES := ./... $$([ ! -d testdata/gen ] || echo ./testdata/gen)

# What everything has to build for, without a C compiler.
TARGETS := linux/amd64 linux/arm64 linux/arm darwin/amd64 darwin/arm64 windows/amd64

# The race detector needs a C compiler. CI may not do without.
CC_NAME := $(firstword $(shell go env CC))
RACE := $(if $(shell command -v $(CC_NAME) 2>/dev/null),-race)

# Knobs: make fuzz FUZZTIME=5m, make bench BENCH=Reader, make torture TORTURE=1000
FUZZTIME ?= 30s
BENCH ?= .
TORTURE ?= 300
TESTFLAGS ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build ./millrace
	go build -trimpath -o millrace ./cmd/millrace

.PHONY: lint
lint: ## gofumpt, go vet, staticcheck, the rules of internal/lint, and cross
	@unformatted=$$($(OURS) -name '*.go' -print0 | xargs -0 $(TOOL) gofumpt -l); \
	if [[ -n "$$unformatted" ]]; then \
		echo "not formatted (go tool -modfile=tools/go.mod gofumpt -l -w .):"; echo "$$unformatted"; exit 1; \
	fi
	@for module in $(MODULES); do \
		echo "vet and staticcheck: $$module"; \
		(cd $$module && go vet -tags=interop $(PACKAGES) && $(TOOL) staticcheck -tags=interop $(PACKAGES)); \
	done
	go test ./internal/lint
	@$(MAKE) --no-print-directory cross

.PHONY: cross
cross: ## see that everything builds without cgo for each of TARGETS
	@for target in $(TARGETS); do \
		echo "build without cgo: $$target"; \
		export CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/}; \
		go build ./...; \
		go vet ./producer/...; \
	done

.PHONY: test
test: $(GOTEST) ## every test that needs no network; with the race detector where there is a C compiler
ifeq ($(RACE),)
	@echo "no C compiler ($(CC_NAME)): testing without the race detector"
	@[[ -z "$${MILLRACE_CI:-}" ]] || { echo "CI needs the race detector"; exit 1; }
endif
	@for module in $(TESTED); do \
		echo "test: $$module"; \
		(cd $$module && $(GOTEST) $(RACE) -shuffle=on -timeout=15m $(TESTFLAGS) $(PACKAGES)); \
	done
ifneq ($(RACE),)
	@echo "test: every crash, every failing call and ninety days, in one goroutine and so without the race detector"
	@$(GOTEST) -timeout=15m -run='^(TestCrash|TestSweep|TestNinetyDays|TestThirtyDaysOfSmallFragments)$$' $(TESTFLAGS) ./internal/store
endif

.PHONY: interop
interop: ## real clients against a real server; installs what it needs on Debian and Ubuntu as root
	interop/run.sh

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s)
	FUZZTIME=$(FUZZTIME) tools/fuzz.sh

.PHONY: bench
bench: ## the benchmarks that match BENCH (all)
	@for module in $(TESTED); do \
		(cd $$module && go test -run '^$$' -bench '$(BENCH)' -benchmem ./...); \
	done

.PHONY: torture
torture: ## the kill and crash campaigns, TORTURE (300) rounds each
	MILLRACE_TORTURE=$(TORTURE) go test -v -count=1 -run 'Crash|Sweep|Model' -timeout=0 ./internal/store | \
		grep -vE '^(=== | +--- PASS)' # so that it says how many points it tried
	MILLRACE_TORTURE=$(TORTURE) go test $(RACE) -count=1 -run 'Kill|Crash|Torture|UnderLoad|Weather|IsWhatWasWritten|CutAt|CutsThat|TooSoon' -timeout=0 $$(go list ./... | grep -v internal/store$$)

.PHONY: mutants
mutants: ## take safety measures out of a copy, one at a time, and see that tests notice
	go run -C tools ./mutants -root $(CURDIR)

.PHONY: clean
clean: ## remove what was built
	rm -rf millrace dist $(CACHE)

$(GOTEST): $(wildcard tools/gotest/*.go)
	@go build -C tools -o $@ ./gotest
