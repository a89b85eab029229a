"""How much one session, one address and all together may ask of this server; it refuses before anything begins."""

from rag.limits.allowances import Limits
from rag.limits.networks import network_of
from rag.limits.under_way import THREADS, Place, UnderWay

__all__ = ["THREADS", "Limits", "Place", "UnderWay", "network_of"]
