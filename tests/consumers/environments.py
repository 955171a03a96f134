"""A virtual environment for each user, with our wheel as its ``oslo.vmware``.

pip is told where that one package comes from by a constraint with a URL, so there is no other
candidate for it, on any index, whatever a requirement says. That the files which are there in the
end are those of the wheel is looked at nevertheless, and so is that those of the user are as it
has released them: somebody may have tried something out in an environment that is kept.
"""

import base64
import csv
import hashlib
import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass

from tests.consumers.suites import User
from tests.work_tree import ROOT, copy_sources

CONSTRAINTS = pathlib.Path(__file__).with_name('constraints.txt')

# Seconds. An environment for Nova takes one minute with pip's cache filled.
_INSTALLATION = 1200
_COMMAND = 300


class BrokenEnvironmentError(Exception):
    """An environment could not be made, or is not what it has to be."""


def clean_variables() -> dict[str, str]:
    """The environment variables for a process that must not see the work tree."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # OS_ are credentials of OpenStack's clients, and settings of its test base classes.
        if not name.startswith(('PYTHON', 'OS_', 'VIRTUAL_ENV'))
    }
    return kept | {'PYTHONNOUSERSITE': '1', 'PIP_DISABLE_PIP_VERSION_CHECK': '1'}


def run(*command: str | pathlib.Path, timeout: float = _COMMAND) -> str:
    """Run a command away from the work tree.

    :raises BrokenEnvironmentError: it failed; the text has the end of what it printed
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=clean_variables(),
            cwd=tempfile.gettempdir(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
        )
    except OSError as failure:
        raise BrokenEnvironmentError(f'{command[0]} cannot be started: {failure}') from failure
    except subprocess.TimeoutExpired as late:
        raise BrokenEnvironmentError(f'{command[0]} took longer than {timeout:.0f} s') from late
    if done.returncode:
        end = '\n'.join(done.stdout.splitlines()[-25:])
        raise BrokenEnvironmentError(
            f'{" ".join(map(str, command[:8]))} … ended with {done.returncode}:\n{end}'
        )
    return done.stdout


def version_of(python: str) -> str:
    """The version of an interpreter, such as ``3.11``."""
    return run(python, '-c', 'import sys; print("%d.%d" % sys.version_info[:2])').strip()


def build_wheel(directory: pathlib.Path) -> pathlib.Path:
    """Build our wheel, by way of an sdist, as a release would."""
    tree = copy_sources(directory / 'tree')
    run(sys.executable, '-m', 'build', '--outdir', directory, tree)
    shutil.rmtree(tree)
    (wheel,) = directory.glob('*.whl')
    return wheel


@dataclass(frozen=True)
class Environment:
    """The environment of one user.

    :ivar home: its directory
    :ivar user: who gets it
    :ivar base: the interpreter it is made with
    """

    home: pathlib.Path
    user: User
    base: str

    @property
    def python(self) -> pathlib.Path:
        return self.home / 'bin' / 'python'

    @property
    def _stamp(self) -> pathlib.Path:
        return self.home / '.made-from'

    def _made_from(self) -> str:
        recipe = [
            run(self.base, '-VV'),
            *self.user.requirements,
            CONSTRAINTS.read_text(),
            (ROOT / 'requirements.txt').read_text(),
            (ROOT / 'setup.cfg').read_text(),
            pathlib.Path(__file__).read_text(),
        ]
        return hashlib.sha256('\0'.join(recipe).encode()).hexdigest()

    def prepare(self, wheel: pathlib.Path) -> bool:
        """Make the environment, unless it is there, and put the wheel into it.

        :returns: whether it had to be made
        :raises BrokenEnvironmentError: pip cannot do it, or did something else
        """
        wanted = self._made_from()
        made = not self._stamp.exists() or self._stamp.read_text() != wanted
        if made:
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.parent.mkdir(parents=True, exist_ok=True)
            # Without a pip of its own: ours works there too, and is one version for all.
            run(self.base, '-m', 'venv', '--without-pip', self.home)
            ours = self.home / 'ours.txt'
            ours.write_text(f'oslo.vmware @ {wheel.as_uri()}\n')
            self._pip_install(
                *('--constraint', ours, '--constraint', CONSTRAINTS),
                *self.user.requirements,
                # The simulator is for tests/drivers. With the URL again: a constraint does not
                # bind a requirement that has extras.
                f'oslo.vmware[simulator] @ {wheel.as_uri()}',
            )
            self._stamp.write_text(wanted)
        else:
            self._pip_install('--no-deps', '--no-index', '--force-reinstall', wheel)
        self._pip('check')
        self.verify_library(wheel)
        self.verify_user()
        return made

    def _pip(self, *arguments: str | pathlib.Path) -> None:
        run(
            *(sys.executable, '-m', 'pip', '--python', self.python),
            *arguments,
            timeout=_INSTALLATION,
        )

    def _pip_install(self, *arguments: str | pathlib.Path) -> None:
        # -qq: of warnings there is one for each place that a package is not at. Of the thousands of
        # modules that come along few are ever imported, so that compiling them all is for nothing.
        self._pip('install', '-qq', '--no-compile', *arguments)

    def _packages(self) -> pathlib.Path:
        where = 'import sysconfig; print(sysconfig.get_path("purelib"))'
        return pathlib.Path(run(self.python, '-c', where).strip())

    def verify_library(self, wheel: pathlib.Path) -> None:
        """See that the installed library is the wheel's, file by file, and nothing besides.

        :raises BrokenEnvironmentError: it is not
        """
        packages = self._packages()
        with zipfile.ZipFile(wheel) as archive:
            expected = {
                name: archive.read(name)
                for name in archive.namelist()
                if name.startswith('oslo_vmware/') and not name.endswith('/')
            }
        found = {
            path.relative_to(packages).as_posix(): path.read_bytes()
            for path in (packages / 'oslo_vmware').rglob('*')
            # Python's cache is no source of modules; compiled files elsewhere are.
            if path.is_file() and path.parent.name != '__pycache__'
        }
        different = sorted(
            name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
        )
        if not expected or different:
            raise BrokenEnvironmentError(
                f'{packages / "oslo_vmware"} is not the library of {wheel.name}: '
                + ', '.join(different[:5])
            )

    def verify_user(self) -> None:
        """See that what the user has released, its tests among it, was not changed here.

        :raises BrokenEnvironmentError: it is another release, or a file is not as it was installed
        """
        name, _, version = self.user.release.partition('==')
        packages = self._packages()
        found = list(importlib.metadata.distributions(name=name, path=[str(packages)]))
        if [one.version for one in found] != [version]:
            raise BrokenEnvironmentError(
                f'of {name} there is {[one.version for one in found]}, and not {version}'
            )
        # Not `files` of importlib.metadata: from Python 3.12 on that leaves out what is missing.
        record = csv.reader((found[0].read_text('RECORD') or '').splitlines())
        recorded = [(path, digest) for path, digest, _ in record if digest]
        changed = [path for path, digest in recorded if not _has_digest(packages / path, digest)]
        if not recorded or changed:
            raise BrokenEnvironmentError(
                f'{name} is not as it was installed: {", ".join(changed[:5]) or "no record"}'
            )


def _has_digest(path: pathlib.Path, recorded: str) -> bool:
    if not path.is_file():
        return False
    algorithm, _, expected = recorded.partition('=')
    digest = hashlib.new(algorithm, path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b'=').decode() == expected
