# SPDX-License-Identifier: Apache-2.0
"""gRPC's own interoperability cases, by grpc-go on both sides, with TLS and in clear text."""
import os

from bounded import run, what_was_wrong
from proc import say
from results import result_of, skipped
from scene import Scene

CASES = ("empty_unary large_unary client_streaming server_streaming ping_pong empty_stream "
         "timeout_on_sleeping_server cancel_after_begin cancel_after_first_response "
         "status_code_and_message special_status_message custom_metadata unimplemented_method "
         "unimplemented_service").split()
CASE_SECONDS = 30


def judge(tools, scene, what, port, *options):
    say(f"  grpc, {what}")
    outcomes = {}
    environment = {**os.environ, "SSL_CERT_FILE": str(scene.certificate.authority)}
    for case in CASES:
        done = run([tools / "grpc-client", "-server_host", "localhost", "-server_port", port,
                    "-test_case", case, *options], CASE_SECONDS, env=environment)
        outcomes[case] = what_was_wrong(*done)
    return result_of("grpc", what, outcomes, len(CASES))


def main(options):
    if not (options.tools / "grpc-server").exists():
        return [skipped("grpc", options.without_go)]
    with Scene(options.proxy, "grpc") as scene:
        scene.start("grpc", [options.tools / "grpc-server", "-port", scene.ports["grpc"]])
        results = [judge(options.tools, scene, "h2c", scene.port),
                   judge(options.tools, scene, "TLS", scene.https_port, "-use_tls",
                         "-use_test_ca=false", "-server_host_override", "localhost")]
    return [*results, result_of("grpc", "the proxy's end", {"end": scene.end})]
