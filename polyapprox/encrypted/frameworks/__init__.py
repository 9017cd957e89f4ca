# SPDX-License-Identifier: Apache-2.0
"""One file a framework that computes on ciphertexts, with what only that framework needs."""
