# SPDX-License-Identifier: Apache-2.0
"""Image sets from a folder that the user names."""
