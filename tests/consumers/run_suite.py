"""Run tests in somebody's environment and write down what became of each.

``python run_suite.py RESULT.json SECONDS NAME...``. This is a program, not a module: it runs under
an interpreter that has nothing of ours but the package under test, and uses the standard library
only. The names are packages or modules; a package stands for all ``test_*`` modules in it.
"""

import faulthandler
import importlib.metadata
import importlib.util
import json
import os
import sys
import time
import unittest


class Record(unittest.TestResult):
    """Notes the outcome of every test. One that reports nothing has not passed."""

    def __init__(self):
        super().__init__()
        self.tests = []
        self._current = None

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()
        self._current = {'id': test.id(), 'outcome': 'failed', 'text': 'ended without a result'}

    def stopTest(self, test):
        super().stopTest(test)
        if self._current is None:
            # Python 3.12.1 ends a skipped test that it never began.
            return
        self._current['seconds'] = time.monotonic() - self._began
        self.tests.append(self._current)
        self._current = None

    def _note(self, test, outcome, text=''):
        if self._current is None:
            # What fails outside of tests: setUpClass, setUpModule.
            self.tests.append({'id': test.id(), 'outcome': outcome, 'text': text, 'seconds': 0})
        elif not self._current.get('settled'):
            # A failure stays one, whatever is reported after it.
            self._current.update(outcome=outcome, text=text, settled=outcome == 'failed')

    def addSuccess(self, test):
        self._note(test, 'passed')

    def addSkip(self, test, reason):
        self._note(test, 'skipped', str(reason))

    def addError(self, test, err):
        self._note(test, 'failed', self._exc_info_to_string(err, test))

    addFailure = addError

    def addExpectedFailure(self, test, err):
        self._note(test, 'skipped', self._exc_info_to_string(err, test))

    def addUnexpectedSuccess(self, test):
        self._note(test, 'failed', 'passed, and is marked to fail')

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._note(test, 'failed', self._exc_info_to_string(err, test))


def load(names):
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for name in names:
        if importlib.util.find_spec(name).submodule_search_locations is None:
            suite.addTests(loader.loadTestsFromName(name))
        else:
            suite.addTests(loader.discover(name, pattern='test_*.py'))
    return suite


def is_green():
    patcher = sys.modules.get('eventlet.patcher')
    return patcher is not None and bool(patcher.is_monkey_patched('socket'))


def main(result_path, seconds, *names):
    # Shows where everybody hangs; the caller kills the process soon after.
    faulthandler.dump_traceback_later(float(seconds), file=sys.__stderr__)
    record = Record()
    suite = load(names)
    found = suite.countTestCases()
    suite.run(record)
    import oslo_vmware

    with open(result_path, 'w', encoding='utf-8') as file:
        json.dump(
            {
                'found': found,
                'tests': record.tests,
                'green': is_green(),
                'version': importlib.metadata.version('oslo.vmware'),
                'library': oslo_vmware.__file__,
            },
            file,
        )
    sys.stdout.flush()
    sys.stderr.flush()
    # Some tests leave threads behind, which would keep the process.
    os._exit(0)


if __name__ == '__main__':
    main(*sys.argv[1:])
