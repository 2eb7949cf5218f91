# SPDX-License-Identifier: Apache-2.0
"""The parts that end-to-end tests are made of: the real program, raw clients, scripted origins."""
