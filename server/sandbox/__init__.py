"""The vendor sandbox: five stand-ins that refuse what the vendors' published pages say they would refuse.

It shares no code with the adapters, so that it can catch their mistakes.
"""

from server.sandbox.app import create_sandbox
from server.sandbox.serve import SandboxServer, serve_sandbox

__all__ = ["SandboxServer", "create_sandbox", "serve_sandbox"]
