"""A cluster on this machine whose members serve the management API, each on a port of its own."""
from . import management, process
from .cluster import LocalCluster


class ManagedCluster(LocalCluster):
    """`ports`: of the API, by the member's name."""

    def __init__(self, count=3, config=""):
        super().__init__(count)
        self.ports = {}
        for member in self.members:
            port = self.ports[member.name] = process.free_port()
            member.configure(f"{config}management.tcp.port = {port}\nmanagement.tcp.ip = 127.0.0.1\n")

    def api(self, name, user="guest", password="guest"):
        return management.Api(self.ports[name], user, password)
