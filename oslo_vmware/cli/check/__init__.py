"""Will OpenStack work with this vCenter? Looks at a server, and judges for each consumer.

:func:`check` goes there stage by stage (:mod:`.reach`), reads the inventory (:mod:`.inventory`) and
takes one look after the other; each gives findings (:mod:`.findings`). A look that fails stops no
other one. Nothing is changed, except by the trial of a datastore, which somebody has to ask for.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from oslo_vmware import exceptions
from oslo_vmware.cli.check import inventory, places, privileges, reach, server, trial
from oslo_vmware.cli.check.findings import CONSUMERS, Finding, Outcome, Verdict, verdicts, words
from oslo_vmware.cli.failures import NoSuchObjectError, UsageError


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is to be looked at.

    :ivar consumers: whom to judge for
    :ivar cluster: name of the only cluster to look at, as Nova's ``cluster_name``, or its id
    :ivar write: name or id of a datastore to write a small file to
    """

    consumers: Sequence[str] = CONSUMERS
    cluster: str | None = None
    write: str | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """All that was found.

    :ivar connected: whether one could log in
    """

    findings: Sequence[Finding]
    verdicts: Sequence[Verdict]
    connected: bool

    @property
    def is_good(self) -> bool:
        """Whether every consumer will work."""
        return all(verdict.answer.is_good for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        """The JSON document of the command."""
        return {
            'connected': self.connected,
            'verdicts': [verdict.as_json() for verdict in self.verdicts],
            'findings': [finding.as_json() for finding in self.findings],
        }


def check(
    target: reach.Target, wanted: Wanted, tell: Callable[[Finding], None] = lambda finding: None
) -> Report:
    """Look at a server.

    :param tell: called with each finding as soon as it is there
    :raises NoSuchObjectError: the cluster or datastore that was asked for is not there
    :raises UsageError: there are several of that name
    """
    findings: list[Finding] = []

    def note(finding: Finding) -> None:
        findings.append(finding)
        tell(finding)

    with target.session() as session:
        for finding in reach.look(target, session):
            note(finding)
        connected = findings[-1].outcome is not Outcome.FAILED
        if connected:
            for finding in _looks(session, wanted):
                note(finding)
    return Report(findings, verdicts(findings, wanted.consumers), connected)


def _looks(session: Any, wanted: Wanted) -> Iterator[Finding]:
    everybody = tuple(wanted.consumers)
    # A host does not know all privileges; who needs a vCenter is refused there anyway.
    is_vcenter = session.vim.service_content.about.apiType == server.VCENTER
    usual = tuple(one for one in everybody if is_vcenter or one not in server.NEED_A_VCENTER)
    yield from _guarded(_Look('versions', everybody, lambda: server.look_at_versions(session)))
    looks = [
        _Look('latency and clock', (), lambda: server.look_at_pulse(session)),
        _Look('policies', (), lambda: server.look_at_policies(session)),
    ]
    try:
        everything = inventory.read(session)
    except exceptions.VMwareDriverException as exc:
        yield _unseen('inventory', everybody, exc)
    else:
        there = _scope(everything, wanted)
        looks[1:1] = [_Look('sessions', (), lambda: server.look_at_sessions(session, there))]
        looks += [
            _Look('hosts', everybody, lambda: places.look_at_hosts(there)),
            _Look('clusters', (), lambda: places.look_at_clusters(there)),
            _Look('datastores', everybody, lambda: places.look_at_datastores(there)),
            _Look('privileges', usual, lambda: privileges.look(session, there, usual)),
        ]
        if wanted.write is not None:
            store = _named(there.datastores, wanted.write, 'datastore')
            looks.append(_Look('trial', everybody, lambda: trial.look(session, there, store)))
    for look in looks:
        yield from _guarded(look)


def _scope(found: inventory.Inventory, wanted: Wanted) -> inventory.Inventory:
    if wanted.cluster is None:
        return found
    return found.within(_named(found.clusters, wanted.cluster, 'cluster'))


def _named(entities: Sequence[inventory.Entity], name: str, what: str) -> inventory.Entity:
    found = [one for one in entities if name in (one.name, one.id)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ', '.join(one.id for one in found)
        raise UsageError(f'There are {len(found)} of the name {name}; say which: {ids}.')
    known = ', '.join(entity.name for entity in entities) or 'none'
    raise NoSuchObjectError(f'There is no {what} {name}; there is: {known}.')


class _Look(NamedTuple):
    """What is looked at, who cannot be judged without, and how."""

    subject: str
    consumers: tuple[str, ...]
    take: Callable[[], Iterator[Finding]]


def _guarded(look: _Look) -> Iterator[Finding]:
    """Take a look; what it cannot see is a finding as well."""
    try:
        yield from look.take()
    except Exception as exc:  # noqa: BLE001 - whatever a server answers, the others are taken
        yield _unseen(look.subject, look.consumers, exc)


def _unseen(subject: str, consumers: tuple[str, ...], exc: Exception) -> Finding:
    return Finding(
        'server',
        subject,
        Outcome.UNSEEN,
        f'could not be looked at ({type(exc).__name__}): {words(exc)}',
        'Try again, and look at the logs of the server.',
        consumers,
    )
