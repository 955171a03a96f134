# The commands of the README. Each makes the virtual environment it needs, and makes it
# anew when what it was made from has changed.
#
#   PYTHON   the interpreter to start from; 3.11 or newer
#   VENV     where the virtual environment goes
#   TESTS    what `make test` runs (the eventlet half is always tests/functional)
#   WORKERS  processes that run the tests side by side, of each half: by default three for each
#            core, because tests wait more than they compute; 0 is one after the other
#   MATRIX   `whole` runs every row of the matrix of faults, as .ci/run does, which takes a minute;
#            by default each fault meets a third of the operations
#   RESULTS  where the results of the test runs go, as JUnit XML
#   CONSUMERS  whose tests `make test-consumers` runs, for example `nova cinder`; all by default
#   DRIVERS  the same for `make test-drivers`
#   BENCH    what `make bench` measures, for example 'calls opening', and its options: --list,
#            --quick, --check (fail when a target is missed), --table (show what was measured)
#   BEFORE   commit that `make before` compares with: by default the parent, and of a branch the
#            commit where it left origin/HEAD
#   FAIL_ABOVE  how many times as much as before makes `make before` fail, for example 1.25
#   FUZZ_RUNS  how many broken replies `make fuzz` reads, a million by default
#   SOAK_SECONDS  how long `make soak` takes, an hour by default
#   FUZZER  `fuzz` breaks them by chance, `guided` by what code they reach (needs atheris)
#   GOCODE   where Go finds govmomi, for `make test-vcsim` and `make test-govc`; by default where
#            Debian has it

PYTHON  ?= python3
VENV    ?= .venv
TESTS   ?= tests $(AROUND:%=--ignore=%)
WORKERS ?= $(shell expr 3 \* $$(getconf _NPROCESSORS_ONLN))
RESULTS ?= .test-results
FUZZ_RUNS ?= 1000000
FUZZER  ?= fuzz
SOAK_SECONDS ?= 3600
GOCODE  ?= /usr/share/gocode

export OSLO_VMWARE_TEST_MATRIX := $(MATRIX)
# Tests of what is around the library: it changes seldom, and some want an index of packages.
AROUND  := tests/packaging tests/project tests/typing
MINIMUM := 3, 11
BIN     := $(VENV)/bin
GOVMOMI := $(GOCODE)/src/github.com/vmware/govmomi
PRETTY  := $(GOCODE)/src/github.com/kr/pretty
# Who has run out of tests takes over half of what another still has to do.
SIDE_BY_SIDE := --numprocesses $(WORKERS) --dist worksteal
# Without bytecode each process compiles all tests once more, with their assertions rewritten: more
# work than many tests are. Nor shall all of them do it at the start, each for itself: `.compiled`.
COMPILED := env -u PYTHONDONTWRITEBYTECODE
GREEN_HALF := $(COMPILED) OSLO_VMWARE_TEST_EVENTLET=1 $(BIN)/python -m tests.run_eventlet \
	--numprocesses $(WORKERS) tests/functional --junitxml=$(RESULTS)/eventlet.xml
SOURCES := oslo_vmware tests demo tools benchmarks doc/source setup.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-project test-reference test-consumers test-drivers test-vcsim vcsim test-govc govc fuzz soak bench before lowest lint format docs wheel clean

help:  ## Say what can be made
	@echo 'Usage: make TARGET [PYTHON=python3.12]'; echo
	@sed -n 's/^\([a-z-]*\):.*## /  \1	/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

demo: $(VENV)/.has-demo  ## Show the library at work against a simulated vCenter
	@$(BIN)/python -m demo

# The two halves are processes of their own, because monkey-patching cannot be undone. The second one
# mostly waits, so it runs beside the first unless there shall be one process at a time, and is shown
# as soon as the first has come to its end. Both always run; the closing line counts both.
test: $(VENV)/.compiled  ## Run the test suite, and its functional part once more under eventlet
	@mkdir -p $(RESULTS); rm -f $(RESULTS)/native.xml $(RESULTS)/eventlet.xml; status=0; \
	if [ '$(WORKERS)' != 0 ]; then \
		$(GREEN_HALF) > $(RESULTS)/eventlet.log 2>&1 & \
		beside=$$!; trap 'kill $$beside 2> /dev/null' EXIT; trap 'exit 130' INT TERM; \
	fi; \
	$(COMPILED) $(BIN)/python -m pytest $(TESTS) $(SIDE_BY_SIDE) \
		--junitxml=$(RESULTS)/native.xml || status=1; \
	if [ '$(WORKERS)' != 0 ]; then \
		tail -n +1 -f $(RESULTS)/eventlet.log & shown=$$!; \
		wait $$beside || status=1; trap - EXIT; sleep 1; kill $$shown; \
	else \
		$(GREEN_HALF) || status=1; \
	fi; \
	$(BIN)/python -m tests.summary $(RESULTS)/native.xml $(RESULTS)/eventlet.xml || status=1; \
	exit $$status

# The engine that operators can go back to keeps the same promises.
test-reference: $(VENV)/.has-test  ## Run the tests of behaviour on the reference SOAP engine
	@mkdir -p $(RESULTS)
	@OSLO_VMWARE_SOAP_ENGINE=reference $(BIN)/python -m pytest \
		tests/functional tests/contract tests/faults $(SIDE_BY_SIDE) \
		--junitxml=$(RESULTS)/reference.xml

test-project: $(VENV)/.has-test  ## Test stubs, generators, runners and benchmarks, and install a release
	@mkdir -p $(RESULTS)
	@$(BIN)/python -m pytest $(AROUND) --junitxml=$(RESULTS)/project.xml

# The lower bounds of requirements.txt are promises too: the library's own tests, on exactly them.
lowest: $(VENV)-lowest/.made  ## Run the library's tests on the oldest dependencies it admits
	@mkdir -p $(RESULTS)
	@$(VENV)-lowest/bin/python -m pytest tests/unit tests/faults tests/functional \
		--ignore=tests/faults/test_matrix.py $(SIDE_BY_SIDE) --junitxml=$(RESULTS)/lowest.xml

$(VENV)-lowest/.made: setup.cfg requirements.txt pyproject.toml
	@echo 'Making $(VENV)-lowest with the oldest dependencies ...'
	@rm -rf $(VENV)-lowest
	@$(PYTHON) -m venv $(VENV)-lowest
	@sed 's/>=/==/' requirements.txt > $(VENV)-lowest/constraints.txt
	@$(VENV)-lowest/bin/python -m pip install -qq --disable-pip-version-check \
		-c $(VENV)-lowest/constraints.txt -e '.[test]'
	@touch $@

# The environments of the users are kept in .consumers: `make clean` removes them.
test-consumers: $(VENV)/.has-test  ## Run the users' own unit tests with this package installed
	@$(BIN)/python -m tests.consumers --results $(RESULTS) $(CONSUMERS)

# Once natively and once under eventlet, as `make test`.
test-vcsim: vcsim $(VENV)/.has-test  ## Run the tests against govmomi's simulator of a vCenter
	@mkdir -p $(RESULTS); rm -f $(RESULTS)/vcsim*.xml; status=0; \
	$(BIN)/python -m pytest tests/vcsim --junitxml=$(RESULTS)/vcsim.xml || status=1; \
	OSLO_VMWARE_TEST_EVENTLET=1 $(BIN)/python -m tests.run_eventlet tests/vcsim \
		--junitxml=$(RESULTS)/vcsim-eventlet.xml || status=1; \
	$(BIN)/python -m tests.summary $(RESULTS)/vcsim.xml $(RESULTS)/vcsim-eventlet.xml || status=1; \
	exit $$status

# Go itself knows best what has to be built anew: the source, govmomi or Go may have changed.
vcsim:
	@command -v go > /dev/null 2>&1 && [ -d '$(GOVMOMI)' ] || { \
		echo "govmomi's simulator is built from source, which needs Go and govmomi in" \
			"$(GOVMOMI). On Debian and Ubuntu:" \
			'apt-get install golang-go golang-github-vmware-govmomi-dev' >&2; exit 1; }
	@mkdir -p .vcsim
	@GOPATH='$(GOCODE)' GO111MODULE=off go build -trimpath -o .vcsim/vcsim ./tests/vcsim

test-govc: govc $(VENV)/.has-test  ## Run govmomi's command line against our simulator of a vCenter
	@mkdir -p $(RESULTS)
	@$(BIN)/python -m pytest tests/govc --junitxml=$(RESULTS)/govc.xml

# Debian's package of the library leaves the command out. Its source package has both; the whole of
# it is built, because the command uses what is internal to the library.
govc: .govc/src/github.com/vmware/govmomi
	@command -v go > /dev/null 2>&1 && [ -d '$(GOVMOMI)' ] && [ -d '$(PRETTY)' ] || { \
		echo "govmomi's command line is built from source, which needs Go, and in $(GOCODE)" \
			'what it imports. On Debian and Ubuntu: apt-get install golang-go' \
			'golang-github-vmware-govmomi-dev golang-github-kr-pretty-dev' >&2; exit 1; }
	@GOPATH='$(CURDIR)/.govc:$(GOCODE)' GO111MODULE=off \
		go build -trimpath -o .govc/govc github.com/vmware/govmomi/govc

.govc/src/github.com/vmware/govmomi:
	@command -v apt-get > /dev/null 2>&1 || { \
		echo "govc is built from Debian's source package golang-github-vmware-govmomi. Where" \
			'there is no apt-get, unpack it into $@' >&2; exit 1; }
	@tests/govc/source.sh $@

# Against govmomi's simulator as well, once that has been built; then it is kept up to date.
test-drivers: $(VENV)/.has-test $(if $(wildcard .vcsim/vcsim),vcsim)  ## Run the users' real drivers against a simulated vCenter
	@OSLO_VMWARE_TEST_VCSIM=$(abspath $(wildcard .vcsim/vcsim)) \
		$(BIN)/python -m tests.drivers --results $(RESULTS) $(DRIVERS)

fuzz: $(VENV)/.has-test  ## Read FUZZ_RUNS broken replies: a value or the documented exception
	@$(BIN)/python -m tests.differential.$(FUZZER) $(FUZZ_RUNS)

# Natively and under eventlet at once, each with a server of its own.
soak: $(VENV)/.has-test  ## Let everything go wrong for SOAK_SECONDS: nothing lost, twice or left behind
	@$(BIN)/python -m tests.soak --seconds $(SOAK_SECONDS)

# Takes six minutes and wants an idle machine; with BENCH=--quick it only shows that it runs.
bench: $(VENV)/.has-bench  ## Measure the library beside pyVmomi, zeep, suds and govmomi
	@$(BIN)/python -m benchmarks $(BENCH)

# In turns with the build of another commit, half a minute.
before: $(VENV)/.has-bench  ## Measure calls, opening and memory beside the commit BEFORE
	@$(BIN)/python -m benchmarks.before $(if $(BEFORE),--commit '$(BEFORE)') \
		$(if $(FAIL_ABOVE),--fail-above $(FAIL_ABOVE))

lint: $(VENV)/.has-lint  ## Check style and types
	@$(BIN)/ruff check $(wildcard $(SOURCES))
	@$(BIN)/ruff format --check $(wildcard $(SOURCES))
	@$(BIN)/mypy

format: $(VENV)/.has-lint  ## Bring the sources into the common format
	@$(BIN)/ruff check --fix $(wildcard $(SOURCES))
	@$(BIN)/ruff format $(wildcard $(SOURCES))

docs: $(VENV)/.has-doc  ## Build the documentation into doc/build/html
	@rm -rf doc/build
	@$(BIN)/sphinx-build -q -W --keep-going -b html doc/source doc/build/html
	@# reno reads all of git's history; an unpacked archive has none, a shallow clone a part of it.
	@if [ -e .git ] && [ "$$(git rev-parse --is-shallow-repository)" = false ]; then \
		$(BIN)/reno -q lint; fi
	@echo 'The documentation is in doc/build/html/index.html'

wheel: $(VENV)/.has-test  ## Build a wheel and an sdist into dist
	@rm -rf dist
	@$(BIN)/python -m build --outdir dist . > /dev/null
	@ls dist

clean:  ## Remove everything that was made here
	rm -rf $(VENV) $(VENV)-lowest $(RESULTS) .consumers .vcsim .govc .tox build dist doc/build *.egg-info \
		.hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# What is wrong with a test is told when it is run.
$(VENV)/.compiled: $(VENV)/.has-test
	@$(COMPILED) $(BIN)/python -m pytest $(TESTS) --collect-only -qq > /dev/null 2>&1 || true
	@touch $@

# One stamp for each extra that has been installed. Setting up is quiet: warnings about the
# configuration of somebody's pip are none of our business, errors are shown.
$(VENV)/.has-%: $(VENV)/.made
	@echo 'Installing what `make $*` needs into $(VENV) ...'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[$*]'
	@touch $@

$(VENV)/.made: setup.cfg requirements.txt pyproject.toml
	@command -v $(PYTHON) > /dev/null 2>&1 || { \
		echo 'There is no $(PYTHON) here. Name a Python of version 3.11 or newer, for' \
			'example: make $(or $(MAKECMDGOALS),test) PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < ($(MINIMUM)))' || { \
		echo "oslo.vmware needs Python 3.11 or newer, and $(PYTHON) is" \
			"`$(PYTHON) -V 2>&1`. Name another one, for example:" \
			'make $(or $(MAKECMDGOALS),test) PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
		echo '$(PYTHON) cannot make virtual environments: its module venv or ensurepip is' \
			'missing. On Debian and Ubuntu the package python3-venv has them.' >&2; exit 1; }
	@echo 'Making $(VENV) with '`$(PYTHON) -V`' ...'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@touch $@
