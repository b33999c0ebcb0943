"""A mail server that accepts everything and keeps nothing, in a process of its own: `python -m bench.smtp_sink PORT`."""

import asyncio
import sys

from aiosmtpd.smtp import SMTP


class AcceptingHandler:
    async def handle_DATA(self, *_: object) -> str:
        return "250 accepted"


async def serve_smtp(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(AcceptingHandler(), hostname="sink.example"), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve_smtp(int(sys.argv[1])))
