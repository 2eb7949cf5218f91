# SPDX-License-Identifier: Apache-2.0
"""The Autobahn test suite, run by Python 2.7.

    wstest.py client SPEC.json          the fuzzing client
    wstest.py testee PORT SEEN_PORT     the origin: listens on PORT of the loopback

The origin refuses a Host header that does not name the port it believes to listen on. Behind a
proxy that keeps Host, what clients name is the proxy's port: that is SEEN_PORT.
"""
import sys

from autobahntestsuite import wstest
from twisted.internet import reactor


def main(role, *arguments):
    if role == "client":
        sys.argv = ["wstest", "-m", "fuzzingclient", "-s", arguments[0]]
    else:
        port, seen_port = arguments
        listen = reactor.listenTCP
        reactor.listenTCP = lambda _, factory, *more, **named: listen(
            int(port), factory, interface="127.0.0.1")
        sys.argv = ["wstest", "-m", "testeeserver", "-w", "ws://localhost:" + seen_port]
    wstest.run()


main(*sys.argv[1:])
