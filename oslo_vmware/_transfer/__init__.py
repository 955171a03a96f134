"""How image data moves: connections, checked streams, copies, leases, archives."""
