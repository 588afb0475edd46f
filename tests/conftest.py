# SPDX-License-Identifier: Apache-2.0
"""Rules for all tests: what may be skipped, and where.

A test that cannot run says so with support.need: for want of a program or of root it is skipped on a
developer's machine, and fails under CI=true, since there everything can be had. What the kernel does not
have is skipped everywhere; such a reason begins with "kernel:".
"""
import os

import pytest

CI = os.environ.get("CI") == "true"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not CI or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not reason.removeprefix("Skipped: ").startswith("kernel:"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: may not be skipped under CI: {reason}"
