"""Run tests in somebody's environment and write down what became of each.

``python run_suite.py RESULT.json SECONDS NAME...``. This is a program, not a module: it runs under
an interpreter that has nothing of ours but the package under test, and uses the standard library
only. The names are packages or modules; a package stands for all ``test_*`` modules in it.

It judges nothing, and writes down what the judge needs to know about the process as well: which
blocking calls were eventlet's, before the first test and after the last, and where the modules of
the library and of its user came from. It imports neither of them, so what is there was imported by
the tests.
"""

import _thread
import faulthandler
import importlib.util
import json
import os
import select
import socket
import sys
import threading
import time
import unittest

# Of what a test reports about itself the worst counts.
BETTER_TO_WORSE = ('passed', 'skipped', 'failed')


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
            return
        known = self._current.get('settled', 'passed')
        if BETTER_TO_WORSE.index(outcome) >= BETTER_TO_WORSE.index(known):
            self._current.update(outcome=outcome, text=text, settled=outcome)

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


def green_calls():
    """Name the blocking calls that are eventlet's: all of these, or none, or something is wrong.

    That it was asked to patch them says less than what they are and do. `time.sleep` is not among
    them: os-brick wraps it.
    """
    ran_on = []
    started = threading.Thread(target=lambda: ran_on.append(_thread.get_native_id()))
    started.start()
    started.join()
    of_eventlet = {
        'lock': type(threading.Lock()),
        'select': select.select,
        'socket': socket.socket,
    }
    names = [name for name, call in of_eventlet.items() if call.__module__.startswith('eventlet.')]
    # A green thread runs on the system's thread of whoever started it.
    return sorted(names + ['thread'] * (ran_on == [_thread.get_native_id()]))


def origins(packages):
    """Give the files of the imported modules of some packages, and None for what has no file."""
    return {
        name: getattr(module, '__file__', None)
        for name, module in sorted(sys.modules.items())
        if name.partition('.')[0] in packages
    }


def main(result_path, seconds, *names):
    # Shows where everybody hangs; the caller kills the process soon after.
    faulthandler.dump_traceback_later(float(seconds), file=sys.__stderr__)
    record = Record()
    suite = load(names)
    found = suite.countTestCases()
    green = [green_calls()]
    suite.run(record)
    green.append(green_calls())
    report = {
        'found': found,
        'tests': record.tests,
        'green': green,
        'library': origins({'oslo_vmware'}),
        'user': origins({name.partition('.')[0] for name in names}),
    }
    with open(result_path, 'w', encoding='utf-8') as file:
        json.dump(report, file)
    sys.stdout.flush()
    sys.stderr.flush()
    # Some tests leave threads behind, which would keep the process.
    os._exit(0)


if __name__ == '__main__':
    main(*sys.argv[1:])
