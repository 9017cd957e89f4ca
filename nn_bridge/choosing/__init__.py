# SPDX-License-Identifier: Apache-2.0
"""Which approximation each activation gets: by name, by histogram, by budget."""
