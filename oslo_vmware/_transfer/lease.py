"""NFC leases: the right to read or write the disks of one virtual machine, for a while.

A server gives a lease (HttpNfcLease, vSphere API 4.0) with the URLs of the disks, and takes it
back when it hears nothing for some minutes. It ends in one of two ways. *Complete* makes an
imported machine real, so it may only follow an acknowledged upload; *abort* removes what an
import has made. Between making a lease and the first byte a lot can go wrong, so
:func:`aborted_on_error` stands around all of it.

When the answer to *complete* is lost, the lease itself knows: it is done, or still ready, and then
it is completed again. A lease that is gone by then was completed if what it has imported is there.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from oslo_vmware import exceptions, vim_util
from oslo_vmware._i18n import _
from oslo_vmware._transfer.owner import Owner

LOG = logging.getLogger(__name__)

#: How often a lease is completed again that is still ready when no answer has come.
_COMPLETE_REPETITIONS = 2

#: Seconds to wait at the end for a report that is on its way.
_JOIN_SECONDS = 5.0


class Lease:
    """A lease of a session.

    :param session: whose lease it is
    :param ref: reference of the HttpNfcLease
    """

    def __init__(self, session: Any, ref: Any) -> None:
        self._session = session
        self._owner = Owner(getattr(ref, 'value', ref))
        self.ref = ref

    def _call(self, operation: str, **arguments: Any) -> Any:
        self._owner.check()
        return self._session.invoke_api(self._session.vim, operation, self.ref, **arguments)

    def _read(self, name: str) -> Any:
        self._owner.check()
        session = self._session
        return session.invoke_api(vim_util, 'get_object_property', session.vim, self.ref, name)

    def wait(self) -> Any:
        """Wait until the lease can be used.

        :returns: its ``info`` (HttpNfcLeaseInfo)
        :raises VimException: it cannot, for the server's reason
        """
        self._session.wait_for_lease_ready(self.ref)
        return self._read('info')

    def report(self, percent: int) -> None:
        """Say how far the transfer is, which keeps the lease alive."""
        self._call('HttpNfcLeaseProgress', percent=percent)

    def complete(self, entity: Any = None) -> exceptions.VimException | None:
        """Say that all data was moved.

        :param entity: the machine that an import has made
        :returns: why the lease had failed before, None if it had not
        :raises VimException: the lease is gone, or the server refuses
        :raises VimConnectionException: no answer came, and what happened cannot be read either
        """
        state = self._read('state')
        if state == 'ready':
            try:
                self._call('HttpNfcLeaseComplete')
            except exceptions.VMwareDriverException as problem:
                state = self._state_after(problem, entity)
        return self._failure() if state == 'error' else None

    def _state_after(self, problem: exceptions.VMwareDriverException, entity: Any) -> Any:
        """Find out what became of a lease when there is no proper answer to its completion.

        :returns: a final state
        :raises ManagedObjectNotFoundException: the lease is gone, and so is what it has imported
        :raises VMwareDriverException: the problem, if it was not completed, or nobody can tell
        """
        for _repetition in range(_COMPLETE_REPETITIONS):
            state = self._state_unless_gone(problem, entity)
            # Only a lost answer is worth another try; a refusal is an answer.
            if state != 'ready':
                return state
            if not isinstance(problem, exceptions.VimConnectionException):
                break
            LOG.info('Completing the lease %s again: %s', self._name, problem)
            try:
                # If the first one is still on its way, the second is refused, and the lease done.
                self._call('HttpNfcLeaseComplete')
            except exceptions.VMwareDriverException as exc:
                problem = exc
            else:
                return 'done'
        raise problem

    def _state_unless_gone(self, problem: exceptions.VMwareDriverException, entity: Any) -> Any:
        try:
            return self._read('state')
        except exceptions.ManagedObjectNotFoundException as gone:
            # A lease that was given up takes what it has imported with it.
            if self._is_there(entity, problem):
                return 'done'
            raise gone from problem
        except exceptions.VMwareDriverException as exc:
            LOG.warning('The state of the lease %s cannot be read: %s', self._name, exc)
            raise problem from exc

    def _is_there(self, entity: Any, problem: exceptions.VMwareDriverException) -> bool:
        if entity is None:
            return False
        session = self._session
        try:
            session.invoke_api(vim_util, 'get_object_property', session.vim, entity, 'name')
        except exceptions.ManagedObjectNotFoundException:
            return False
        except exceptions.VMwareDriverException as exc:
            LOG.warning('What the lease %s has imported cannot be read: %s', self._name, exc)
            raise problem from exc
        return True

    def manifest_entry(self, key: Any) -> Any:
        """What the server says of a disk that it has sent (vSphere API 4.1); never raises.

        :param key: of the disk in the lease's ``info``
        :returns: HttpNfcLeaseManifestEntry; None if there is none
        """
        if key is None:
            return None
        try:
            entries = self._call('HttpNfcLeaseGetManifest')
            return next((entry for entry in entries or () if entry.key == key), None)
        except Exception as exc:  # noqa: BLE001 - servers and stand-ins refuse in their own ways
            LOG.info('There is no manifest of the lease %s: %s', self._name, exc)
            return None

    def abort(self) -> str:
        """Say that the data is not wanted, or cannot be had; never raises.

        :returns: why the lease had failed already; ``''`` if it had not, or cannot say
        """
        reason = ''
        try:
            if self._read('state') == 'error':
                reason = str(self._failure().message)
            self._call('HttpNfcLeaseAbort')
        except exceptions.ManagedObjectNotFoundException:
            LOG.debug('The lease %s is gone already', self._name)
        except Exception as exc:  # noqa: BLE001 - the error that led here is the one to raise
            log = LOG.debug if reason else LOG.warning
            log('The lease %s could not be aborted: %s', self._name, exc)
        return reason

    def _failure(self) -> exceptions.VimException:
        error = self._read('error')
        reason = getattr(error, 'localizedMessage', None) or _('no reason given')
        return exceptions.translate_fault(
            error, _('Lease %(lease)s failed: %(reason)s') % {'lease': self._name, 'reason': reason}
        )

    @property
    def _name(self) -> Any:
        return getattr(self.ref, 'value', self.ref)


@contextlib.contextmanager
def aborted_on_error(lease: Lease) -> Iterator[None]:
    """Leave no lease behind when what follows fails."""
    try:
        yield
    except BaseException:
        lease.abort()
        raise


class KeepAlive:
    """Reports progress in the background, however long a read or a write takes.

    :param reports: functions that report; what they raise is logged, and they are called again
    :param period: seconds from one round to the next; the first is at once
    """

    def __init__(self, reports: list[Callable[[], None]], period: float) -> None:
        self._reports = reports
        self._period = period
        self._ended = threading.Event()
        # Not join(): with a limit, eventlet's raises its Timeout on Python 3.13.
        self._gone = threading.Event()
        self._thread = threading.Thread(target=self._run, name='oslo.vmware-lease', daemon=True)

    def __enter__(self) -> None:
        if self._reports:
            self._thread.start()

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        if self._reports:
            self._gone.wait(_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            self._report_on()
        finally:
            self._gone.set()

    def _report_on(self) -> None:
        while True:
            for report in self._reports:
                try:
                    report()
                except Exception as exc:  # noqa: BLE001 - the next report may get through
                    log = LOG.debug if self._ended.is_set() else LOG.warning
                    log('The progress of a transfer could not be reported: %s', exc)
            if self._ended.wait(self._period):
                return
