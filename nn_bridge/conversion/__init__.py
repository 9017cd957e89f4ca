# SPDX-License-Identifier: Apache-2.0
"""Networks with polynomials in place of activations: conversion, report, folding, saving."""
