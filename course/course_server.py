"""A Jupyter server's extension: small messages from the kernel leave at once.

Each answer of a kernel is a few small frames. Left to itself, TCP holds the second one back until
the first is acknowledged, which the other side delays by 40 ms: a dragged box is repainted 15 times
a second instead of 60. The extension is enabled where this package is installed.
"""

from typing import Any


def no_delay() -> None:
    """Have every kernel websocket of this server send each frame at once (TCP_NODELAY)."""
    from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

    stock = KernelWebsocketHandler.open
    if getattr(stock, "sends_at_once", False):
        return

    async def open_(self: Any, kernel_id: str) -> None:
        self.set_nodelay(True)
        await stock(self, kernel_id)  # type: ignore[no-untyped-call]

    open_.sends_at_once = True  # type: ignore[attr-defined]
    KernelWebsocketHandler.open = open_  # type: ignore[method-assign]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "course_server"}]


def _load_jupyter_server_extension(server: Any) -> None:
    no_delay()
