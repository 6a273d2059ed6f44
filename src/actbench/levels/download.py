"""Download a file of known size over HTTPS, with a limit on bytes and on time."""

import http.client
import time
import urllib.request

SILENCE = 30.0  # seconds without a byte after which a server counts as dead
PATIENCE = 1800.0  # seconds for one file
CHUNK = 2**18  # bytes


class DownloadError(Exception):
    """An address did not give the file; the message says why."""


def download(address: str, size: int) -> bytes:
    """Download a file.

    Args:
        address: begins with https.
        size: of the file in bytes; a longer answer is refused.
    Raises:
        DownloadError: there is no answer, or it is too long or too slow.
    """
    try:
        return _read_answer(address, size)
    except (OSError, http.client.HTTPException) as error:
        reason = str(getattr(error, "reason", None) or error) or type(error).__name__
        raise DownloadError(reason) from None


def _read_answer(address: str, size: int) -> bytes:
    deadline = time.monotonic() + PATIENCE
    content = bytearray()
    with opener().open(address, timeout=SILENCE) as answer:
        while chunk := answer.read(CHUNK):
            content += chunk
            if len(content) > size:
                raise DownloadError(f"sends more than the {size:,} bytes of the published file")
            if time.monotonic() > deadline:
                raise DownloadError(f"not done after {PATIENCE:.0f} s")
    return bytes(content)


def opener() -> urllib.request.OpenerDirector:
    """Make an opener that speaks HTTPS alone, also after a redirect; urllib's own would follow one to http or ftp."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        director.add_handler(handler())
    return director
