# SPDX-License-Identifier: Apache-2.0
"""What scripts/bench runs; see there."""
import argparse
import sys

import changes
import paths
import scale
import scale_api
import side_by_side
import tls
import trees
import volume


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=side_by_side.__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", default="side",
                        choices=("side", "tls", "scale", "trees", "paths", "changes", "volume"),
                        help="side: against the others (default); tls: the same over TLS and "
                             "HTTP/2; scale: 10,000 Ingresses; trees: 10,000 IngressRoutes; "
                             "paths: many paths in one host; changes: 1,000 changes under load; "
                             "volume: 5 GB each way")
    parser.add_argument("--quick", action="store_true", help="a short smoke test; figures are rough")
    parser.add_argument("--rounds", type=int, default=0, help="side, tls, paths: how many")
    parser.add_argument("--peers-only", action="store_true", help="side, tls: leave fairlead out")
    parser.add_argument("--envoy", default="", help="tls: its binary; left out without one")
    parser.add_argument("--ingresses", type=int, default=0, help="scale: how many, 10,000 by default")
    parser.add_argument("--api-server", action="store_true",
                        help="scale: on an API server (tests/cluster/build) instead of a directory")
    parser.add_argument("--services", type=int, default=0, help="scale: how many; one each by default")
    options = parser.parse_args()
    parts = {"side": side_by_side, "tls": tls, "scale": scale, "trees": trees, "paths": paths, "changes": changes,
             "volume": volume}
    if options.part == "scale" and options.api_server:
        return scale_api.main(options)
    return parts[options.part].main(options)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
