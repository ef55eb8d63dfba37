"""gridmap: the map on which a community runs its grid work (社区网格化管理)."""

__version__ = "0.3.0"
