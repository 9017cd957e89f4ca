"""One file a framework that computes on ciphertexts, with what only that framework needs."""
