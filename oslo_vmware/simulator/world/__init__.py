"""What a server knows: managed objects and their relations, values, time, sessions, faults.

Nothing here knows a socket, a file or what a machine is. A wing above that is needed here is a
Protocol here, as :class:`~oslo_vmware.simulator.world.registry.Scheduler` is.
"""
