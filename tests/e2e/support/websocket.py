# SPDX-License-Identifier: Apache-2.0
"""The opening handshake of RFC 6455; frames are the tests' own bytes."""
import base64
import hashlib

from .client import request

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def accept_of(key):
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return base64.b64encode(digest).decode()


def handshake(path="/ws", host="a.test", method="GET", version="1.1", **changes):
    """Lines by name, with _ for -; None leaves a line out."""
    lines = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
             "Sec_WebSocket_Key": KEY, **changes}
    return request(method, path, host, *(f"{name.replace('_', '-')}: {value}"
                                         for name, value in lines.items() if value is not None),
                   version=version)


def switching(key=KEY, **changes):
    """An endpoint's 101."""
    lines = {"Connection": "Upgrade", "Upgrade": "websocket",
             "Sec_WebSocket_Accept": accept_of(key), **changes}
    text = "HTTP/1.1 101 Switching Protocols\r\n"
    for name, value in lines.items():
        if value is not None:
            text += f"{name.replace('_', '-')}: {value}\r\n"
    return (text + "\r\n").encode()
