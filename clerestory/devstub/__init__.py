"""
A server of one's own that speaks the Messages API: to try the way of a model without one.

It listens on loopback under an authority that is made when it starts, so only a vault whose floor
says `development` can be led to it.  What it is asked it forgets: nothing is logged or written.
No keeper, node or worker imports it.
"""

from clerestory.devstub.authority import HOST, Authority, authority
from clerestory.devstub.loopback import Reply, running
from clerestory.devstub.server import Answering, Asked, Stub

__all__ = ["HOST", "Answering", "Asked", "Authority", "Reply", "Stub", "authority", "running"]
