# Meshwright. `make` alone prints the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
STAMP := node_modules/.installed

##@ Use
.PHONY: demo local synth verify
demo: synth ## synthesize, decide every cell, run the mesh, trade, probe, show one trace (about a minute)
	@node infra/local/main.ts demo
local: synth ## run the mesh of local processes until Ctrl-C
	@node infra/local/main.ts up
synth: $(STAMP) ## write dist/<environment>/ for every environment
	@node infra/local/main.ts keys
	@node infra/main.ts
verify: synth ## prove dist/kind equal to the declared intent, and decide every caller x method cell [ON=2027-06-30]
	@node policies/cli/bin.js verify dist/kind --intent dist/kind/intent.json $(if $(ON),--on $(ON))
	@node infra/local/main.ts verify $(if $(ON),--on $(ON))

##@ Develop
.PHONY: check test test-envoy bench golden gen package
check: $(STAMP) ## format, lint, types, boundaries, contracts, generated code, dead exports
	@node test/support/check.ts
test: $(STAMP) ## unit, conformance, golden and local-mesh tests
	@vitest run
test-envoy: $(STAMP) ## the engine against a real API server, istiod and Envoy [SETS=200 REQUESTS=100 GATEWAYS=40 SEED=1 FIRST=0]; programs by ETCD KUBE_APISERVER PILOT_DISCOVERY ISTIOCTL ENVOY GO or PATH
	@node test/e2e/envoy/main.ts
bench: synth ## paired benchmarks: ratios with a control, JSON kept in .meshwright/bench
	@node test/bench/main.ts
golden: $(STAMP) ## rewrite test/golden from the synthesized manifests
	@node test/support/golden.ts
package: $(STAMP) ## write dist/npm: the command line as an installable package, packed as meshwright-<version>.tgz
	@node test/support/package.ts
gen: $(STAMP) ## regenerate services/gen from the contracts
	@buf generate

##@ Cluster
.PHONY: up status down push faults e2e
up: synth ## bring the platform up on a kind cluster; run again, it continues [IDENTITY=spire KIND_NODE_IMAGE ISTIO_HUB ISTIO_TAG ... see infra/cluster/README.md]
	@node infra/cluster/main.ts up --dist dist/kind$(if $(filter spire,$(IDENTITY)),-spire)
status: synth ## each workload of the cluster: identity, certificate, mTLS, policies; the last verdict
	@node infra/cluster/main.ts status
push: synth ## bring one changed service into the cluster: make push SERVICE=order
	@node infra/cluster/main.ts push $(SERVICE)
faults: synth ## break the running platform on purpose during orders, and hold it to its promises [FAULTS="kill-order policy-swaps"]
	@node test/e2e/faults/main.ts $(FAULTS)
down: synth ## remove the cluster and everything that make up made
	@node infra/cluster/main.ts down

e2e: $(STAMP) ## the conformance suite on the running kind cluster: every call, every layer on its own, traces; takes everything back
	@node test/e2e/cluster/main.ts

##@ Housekeeping
.PHONY: clean help
clean: ## remove everything that make wrote, keys and databases of the local mesh included
	@elsewhere=$$(cat .meshwright/postgres-elsewhere 2>/dev/null || true)
	case "$$elsewhere" in /var/tmp/meshwright-*) rm -rf "$$elsewhere" ;; esac
	rm -rf dist .meshwright coverage node_modules
help: ## print the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# npm ci only when the lock changed. The `node` package brings Node 26 through its install script, so say
# plainly what is wrong when install scripts are off or the host is too old to start.
$(STAMP): package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer" >&2; exit 1; }
	major=$$(PATH="$${PATH#*:}" node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
	[ "$$major" -ge 20 ] || { echo "Node.js 20 or newer is needed to start, found major version '$$major'" >&2; exit 1; }
	npm ci --no-audit --no-fund --loglevel=error
	version=$$(node --version 2>/dev/null || echo none)
	case "$$version" in v26.*) ;; *) echo "node_modules/.bin/node is '$$version', expected v26: install scripts seem to be off; run 'npm config set ignore-scripts false' and 'make' again" >&2; exit 1;; esac
	touch $@
