"""Client of ``geoground engine``: starts it, asks it, ends it. Standard library only: no qgis, no Qt, no numpy.

    client = EngineClient(command_for("/home/me/geo/bin/python"))
    client.call("run", {"source": "a.tif", "expressions": ["ship"]}, on_event=print)

The lines that pass between them are described in docs/engine.md of the project.
"""

from .client import EngineClient, Request
from .errors import Cancelled, EngineError
from .features import flat
from .launch import command_for

__all__ = ["Cancelled", "EngineClient", "EngineError", "Request", "command_for", "flat"]
