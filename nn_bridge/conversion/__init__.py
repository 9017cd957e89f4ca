"""Networks with polynomials in place of activations: conversion, report, folding, saving."""
