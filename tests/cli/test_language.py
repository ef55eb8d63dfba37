"""In which language the command line tells reasons."""

from __future__ import annotations

import pytest

from gridmap.cli.language import chosen


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en"}, "en"),
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LC_ALL": "", "LC_MESSAGES": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
    ],
)
def test_english_only_for_those_who_ask_for_it(environment: dict[str, str], wanted: str) -> None:
    assert chosen(environment) == wanted
