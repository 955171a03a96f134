"""Whose tests are run: the releases, the tests in them, and how many there are.

A number in this table is what the release has, counted once; a run that finds another number
fails. The releases are pinned, so it changes with the release and never by itself.
"""

import re
from dataclasses import dataclass, field

#: The Pythons that this project supports.
OURS = ('3.11', '3.12', '3.13')

# What OpenStack's test base classes ask for, beside what each user adds; and what runs the tests of
# tests/drivers, which share the environments.
_COMMON = ('fixtures', 'oslotest', 'testtools', 'pytest', 'pytest-timeout')


@dataclass(frozen=True)
class Suite:
    """Tests of one user, run in one process.

    :ivar name: for people
    :ivar tests: packages and modules with tests
    :ivar expected: how many tests there are
    :ivar green: whether eventlet has replaced the blocking calls of that process
    :ivar variables: environment variables to set
    """

    name: str
    tests: tuple[str, ...]
    expected: int
    green: bool = False
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The name as (part of) the name of a file."""
        words = ''.join(letter if letter.isalnum() else ' ' for letter in self.name)
        return '-'.join(words.split())


@dataclass(frozen=True)
class User:
    """A project that uses the library.

    :ivar name: for people and for the directory of its environment
    :ivar requirements: what pip installs: first the release, then what its tests need beyond it
    :ivar suites: its tests
    :ivar pythons: the Pythons that it and we support
    """

    name: str
    requirements: tuple[str, ...]
    suites: tuple[Suite, ...]
    pythons: tuple[str, ...] = OURS

    @property
    def release(self) -> str:
        """The release as ``name==version``, without extras."""
        return re.sub(r'\[.*\]', '', self.requirements[0])


_NOVA = ('nova.tests.unit.virt.vmwareapi',)

USERS = (
    User(
        'nova',
        (
            'nova[vmware]==34.0.0',
            *_COMMON,
            *('ddt', 'python-barbicanclient', 'requests-mock', 'testscenarios', 'testresources'),
            'wsgi-intercept',
        ),
        (
            Suite(
                'nova, native threads',
                _NOVA,
                506,
                variables={'OS_NOVA_DISABLE_EVENTLET_PATCHING': 'true'},
            ),
            Suite(
                'nova, eventlet',
                _NOVA,
                506,
                green=True,
                variables={'OS_NOVA_DISABLE_EVENTLET_PATCHING': 'false'},
            ),
        ),
    ),
    User(
        'cinder',
        ('cinder==29.0.0', *_COMMON, 'ddt', 'requests-mock', 'testscenarios', 'testresources'),
        (Suite('cinder', ('cinder.tests.unit.volume.drivers.vmware',), 340, green=True),),
    ),
    User(
        'glance_store',
        ('glance_store[vmware]==5.7.0', *_COMMON, 'ddt', 'requests-mock', 'retrying'),
        (
            Suite(
                'glance_store',
                (
                    'glance_store.tests.unit.test_multistore_vmware',
                    'glance_store.tests.unit.test_vmware_store',
                ),
                85,
            ),
        ),
    ),
    User(
        'os-brick',
        ('os-brick==7.1.1', *_COMMON, 'ddt', 'castellan'),
        (Suite('os-brick', ('os_brick.tests.initiator.connectors.test_vmware',), 30),),
    ),
    User(
        'ceilometer',
        # It imports pkg_resources without asking for it. The constraints name a setuptools that
        # still has that.
        ('ceilometer==23.0.2', *_COMMON, 'setuptools'),
        (Suite('ceilometer', ('ceilometer.tests.unit.compute.virt.vmware',), 11),),
        # Its release names no newer one.
        pythons=('3.11',),
    ),
)
