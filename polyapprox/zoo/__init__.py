# SPDX-License-Identifier: Apache-2.0
"""The zoo: ready tables by name, listed with bound and cost, made when they are asked for."""

from .entries import ENTRIES as ENTRIES, Entry as Entry
from .index import Row as Row, rows as rows, search as search
from .making import made as made
