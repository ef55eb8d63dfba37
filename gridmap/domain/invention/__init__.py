"""The invented town: a draughtsman with a seed."""

from gridmap.domain.invention.town import invent_town as invent_town
