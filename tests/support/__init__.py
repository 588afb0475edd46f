# SPDX-License-Identifier: Apache-2.0
"""What the integration tests stand on: the command, the machine around it, an ordinary user."""
