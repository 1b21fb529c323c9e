# Targets for people and for CI. `make help` lists them.

SHELL      := /bin/bash
GO         ?= go
MODULES    := . test test/peers
TESTFLAGS  ?= -race -shuffle=on
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS    := -s -w -X headstart/daemon.version=$(VERSION)
PROGRAMS   := poller tracker correlator notifier

.PHONY: chaos help build test unit setup lint bench performance capacity fuzz tidy clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

build: ## build every program into bin/
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/headstart ./cmd/headstart
	@for p in $(PROGRAMS); do CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/$$p ./cmd/$$p || exit 1; done

test: setup lint ## install what the tests need and run all of them (root, for network namespaces and Docker)
	$(GO) test $(TESTFLAGS) -timeout 15m work
	$(GO) test -run TestMutants ./rulekit/ruletest

unit: lint ## run the tests that need neither root nor Docker
	$(GO) test $(TESTFLAGS) -timeout 5m ./... ./test/peers/...

setup: ## install what the tests need: Docker, busybox for stand-in images
	@deploy/test-setup.sh

lint: ## gofmt and go vet
	@test -z "$$(gofmt -l .)" || { echo 'not gofmt-ed:'; gofmt -l .; exit 1; }
	@$(GO) vet work

bench: ## run every benchmark
	$(GO) test -run '^$$' -bench . -benchmem work

performance: ## measure, side by side with others, and write docs/performance.md
	$(GO) run ./test/performance -o docs/performance.md

chaos: ## restart servers under a stage and run two at once, again and again; takes minutes
	$(GO) test $(TESTFLAGS) -tags chaos -count=5 -timeout 30m ./bus

fuzz: ## fuzz every target for a while: make fuzz FUZZTIME=1m
	@test/fuzz.sh $(or $(FUZZTIME),20s)

tidy: ## tidy every module, and check that each builds on its own
	@for m in $(MODULES); do (cd $$m && GOWORK=off $(GO) mod tidy && GOWORK=off $(GO) vet ./...) || exit 1; done

clean: ## remove what was built
	rm -rf bin
