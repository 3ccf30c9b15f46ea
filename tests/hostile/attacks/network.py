"""Class 8: network of every kind, to services on the grader's own machine."""

from tests.hostile.attack import MARK, Attack

NO_NETWORK = "the sandbox has a network namespace of its own, with nothing in it"
FAMILIES = "the filter refuses sockets of other families than unix and inet"


def reach(
    name: str, tries: str, first: str, control: str = "network", why: str = NO_NETWORK
) -> Attack:
    """Return an attack that connects somewhere."""
    return Attack(name, 8, tries, MARK, why, control, first=f"import os, socket\n{first}")


ATTACKS = (
    reach(
        "tcp",
        "It connects to a server on this machine, by every address that it has.",
        """
for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "10.0.2.2", "172.17.0.1"):
    try:
        socket.create_connection((host, @TCP@), timeout=0.3).close()
        won(host)
    except OSError:
        pass
""",
    ),
    reach(
        "udp",
        "It sends a datagram to a service on this machine, and waits for the answer.",
        """
try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.3)
        s.sendto(b"loot", ("127.0.0.1", @UDP@))
        if s.recv(10) == b"heard":
            won("udp")
except OSError:
    pass
""",
    ),
    reach(
        "dns",
        "It asks a name server for a name that carries what it has seen.",
        """
import struct
query = struct.pack(">6H", 7, 256, 1, 0, 0, 0) + b"\\4loot\\7example\\0" + struct.pack(">2H", 1, 1)
for port in (53, @UDP@):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.3)
            s.sendto(query, ("127.0.0.1", port))
            if s.recv(10):
                won("asked", port)
    except OSError:
        pass
""",
    ),
    reach(
        "unix_socket",
        "It connects to a socket in the file system: a display, a bus, a container's engine.",
        """
for path in ("@UNIX@", "/srv/sockets/service.sock", "/run/docker.sock", "/run/dbus/system_bus_socket", "/tmp/.X11-unix/X0"):
    try:
        socket.socket(socket.AF_UNIX).connect(path)
        won(path)
    except OSError:
        pass
""",
        "shown",
        "no folder with sockets is bound into the sandbox",
    ),
    reach(
        "abstract_socket",
        "It connects to an abstract unix socket, which no file permission guards.",
        """
try:
    socket.socket(socket.AF_UNIX).connect("\\x00@ABSTRACT@")
    won("abstract")
except OSError:
    pass
""",
    ),
    reach(
        "netlink",
        "It lists the machine's network through a netlink socket.",
        """
try:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0))
    won("netlink")
except OSError:
    pass
""",
        "no_filter",
        FAMILIES,
    ),
    reach(
        "vsock",
        "It opens a socket to the machine that hosts this one.",
        """
try:
    socket.socket(40, socket.SOCK_STREAM)
    won("vsock")
except OSError:
    pass
""",
        "no_filter",
        FAMILIES,
    ),
    reach(
        "packets",
        "It opens a packet socket, to read and write raw frames.",
        """
try:
    socket.socket(17, socket.SOCK_RAW, 768)
    won("packets")
except OSError:
    pass
""",
        "no_filter_all_rights",
        "the filter refuses the family, and the process has no right to it (both off)",
    ),
)
