"""Every table of gridmap, in one place.

Rules that hold for all of them (``tests/store/test_tables.py`` reads the catalogue and fails otherwise):

* ``community_id`` comes first in the primary key and in every foreign key, so that many communities share one
  server, a row can only refer to rows of its own community, and tables could later be distributed by it.
* Geometry is stored in EPSG:4490 (CGCS2000, equal to WGS 84 at our scale), longitude first. Every geometry column
  has a CHECK (finite, on the globe, valid, vertex cap) and a trigger that keeps it inside its community's own box:
  PostGIS itself accepts NaN and longitude 200.
* What belongs to a household carries ``grid_id`` for today's rights; it follows the household by
  ``ON UPDATE CASCADE``. The grid a thing happened in is a separate column that never changes.
* Dated tables hold ``valid_from`` (included) and ``valid_to`` (excluded, NULL = until further notice).
"""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint
from sqlalchemy.schema import SchemaItem

from gridmap.domain.crs import STORE_SRID, TILE_SRID

VERTEX_CAP = 20_000  # vertices of one shape; a scribble of more stops PostGIS's validity functions for minutes

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def _shape(name: str, kind: str, *, nullable: bool = False) -> list[SchemaItem]:
    """Return a geometry column with its CHECK; NaN fails BETWEEN in PostgreSQL."""
    return [
        Column(name, Geometry(kind, srid=STORE_SRID, spatial_index=False), nullable=nullable),
        CheckConstraint(
            f"NOT ST_IsEmpty({name}) AND ST_NPoints({name}) <= {VERTEX_CAP}"
            f" AND ST_XMin({name}) BETWEEN -180 AND 180 AND ST_XMax({name}) BETWEEN -180 AND 180"
            f" AND ST_YMin({name}) BETWEEN -90 AND 90 AND ST_YMax({name}) BETWEEN -90 AND 90"
            f" AND ST_IsValid({name})",
            name=f"{name}_sound",
        ),
    ]


def _mercator(name: str, source: str, kind: str) -> Column[object]:
    """Return a stored Web Mercator copy for tiles, so that no row is transformed while somebody waits."""
    return Column(
        name,
        Geometry(kind, srid=TILE_SRID, spatial_index=False),
        Computed(f"ST_Transform({source}, {TILE_SRID})", persisted=True),
    )


def _tile_index(table: str, column: str = "shape_3857") -> Index:
    """Return the index tiles use: community first, so that the row policy is part of the index condition."""
    return Index(f"{table}_{column}_gist", "community_id", column, postgresql_using="gist")


def _tenant(name: str, *items: SchemaItem, key: tuple[str, ...] = ("id",)) -> Table:
    """Return a table whose key begins with the community."""
    identity = [Column("id", BigInteger, Identity(), nullable=False)] if key == ("id",) else []
    return Table(
        name,
        metadata,
        Column("community_id", Integer, ForeignKey("community.id", ondelete="CASCADE"), nullable=False),
        *identity,
        *items,
        PrimaryKeyConstraint("community_id", *key),
    )


def _refers(column: str, table: str, **options: object) -> ForeignKeyConstraint:
    """Return a foreign key that cannot leave the community."""
    return ForeignKeyConstraint(["community_id", column], [f"{table}.community_id", f"{table}.id"], **options)  # type: ignore[arg-type]


def _of_household() -> list[SchemaItem]:
    """Return the columns of what belongs to a household: rights follow it when it changes grid."""
    return [
        Column("household_id", BigInteger, nullable=False),
        Column("grid_id", BigInteger, nullable=False),
        ForeignKeyConstraint(
            ["community_id", "household_id", "grid_id"],
            ["household.community_id", "household.id", "household.grid_id"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
    ]


def _dated() -> list[SchemaItem]:
    return [
        Column("valid_from", Date, nullable=False),
        Column("valid_to", Date),
        CheckConstraint("valid_to > valid_from", name="dates_in_order"),
    ]


def _no_overlap(*columns: str) -> ExcludeConstraint:
    """Forbid two rows of the same thing at the same time."""
    return ExcludeConstraint(
        *[(column, "=") for column in ("community_id", *columns)],
        (text("daterange(valid_from, valid_to)"), "&&"),
        using="gist",
    )


NOW = func.now()

# --- the community -----------------------------------------------------------------------------------------------

community = Table(
    "community",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("code", String(20), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("epsg", Integer, nullable=False),  # projected CRS for lengths and areas
    Column("lon_min", Float, nullable=False),
    Column("lat_min", Float, nullable=False),
    Column("lon_max", Float, nullable=False),
    Column("lat_max", Float, nullable=False),
    Column("timezone", Text, nullable=False, server_default="Asia/Shanghai"),
    Column("invented", Text, nullable=False, server_default="none"),  # 'all', 'people' or 'none'
    Column("attribution", Text, nullable=False, server_default=""),  # shown on every map of it
    Column("map_version", BigInteger, nullable=False, server_default="1"),  # bumped by what changes a tile
    Column("loaded_at", DateTime(timezone=True)),  # NULL while a load is unfinished
    Column("decided_on", Date),  # the day the household's decided columns are of; NULL: not decided yet
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("network_mark", BigInteger, nullable=False, server_default="0"),  # random, new with each edit of streets
    CheckConstraint("invented IN ('all', 'people', 'none')", name="invented"),
    CheckConstraint(
        "lon_min BETWEEN -180 AND 180 AND lon_max BETWEEN -180 AND 180 AND lon_min < lon_max"
        " AND lat_min BETWEEN -90 AND 90 AND lat_max BETWEEN -90 AND 90 AND lat_min < lat_max",
        name="box",
    ),
)

# --- the map: streets, buildings, places -------------------------------------------------------------------------

outline = _tenant("outline", *_dated(), *_shape("boundary", "POLYGON"), _no_overlap())

street = _tenant(
    "street",
    Column("name", Text),
    Column("kind", String(16), nullable=False),  # primary secondary residential service footway steps path pedestrian
    Column("source_id", Text),
    *_shape("path", "LINESTRING"),
    _mercator("shape_3857", "path", "LINESTRING"),
    _tile_index("street"),
)

barrier = _tenant(
    "barrier",
    Column("kind", String(16), nullable=False),  # wall fence hedge retaining_wall
    *_shape("path", "LINESTRING"),
    _mercator("shape_3857", "path", "LINESTRING"),
    _tile_index("barrier"),
)

area = _tenant(
    "area",
    Column("name", Text),
    Column("kind", String(16), nullable=False),  # park water green pitch school plaza commercial
    *_shape("shape", "POLYGON"),
    _mercator("shape_3857", "shape", "POLYGON"),
    _tile_index("area"),
)

compound = _tenant(
    "compound",
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),  # tower walkup lane mixed
    Column("built_year", SmallInteger),
    Column("committee_since", Date),  # homeowner committee; NULL = none
    *_shape("shape", "POLYGON"),
    _mercator("shape_3857", "shape", "POLYGON"),
    _tile_index("compound"),
)

grid = _tenant(
    "grid",
    Column("code", String(24), nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(12), nullable=False),  # general commercial
    CheckConstraint("kind IN ('general', 'commercial')", name="kind"),
    UniqueConstraint("community_id", "code"),
)

grid_version = _tenant(
    "grid_version",
    Column("grid_id", BigInteger, nullable=False),
    *_dated(),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    *_shape("boundary", "POLYGON"),
    *_shape("label_at", "POINT"),  # centre of the largest circle inside
    Column("label_radius_m", Float, nullable=False),
    # What the grid was called then, where it is called otherwise since; NULL: as it still is
    Column("number", SmallInteger),
    Column("name", Text),
    Column("kind", String(12)),
    CheckConstraint("kind IN ('general', 'commercial')", name="kind"),
    _refers("grid_id", "grid", ondelete="CASCADE"),
    _no_overlap("grid_id"),
    Index("grid_version_boundary_gist", "community_id", "boundary", postgresql_using="gist"),
)

building = _tenant(
    "building",
    Column("compound_id", BigInteger),
    Column("grid_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),  # as people say it: "云景苑7栋", "滨河路12号"
    Column("kind", String(16), nullable=False),  # tower walkup lane shop public
    Column("floors", SmallInteger, nullable=False, server_default="1"),
    Column("has_lift", Boolean, nullable=False, server_default=text("false")),
    Column("source_id", Text),
    *_shape("shape", "POLYGON"),
    _mercator("shape_3857", "shape", "POLYGON"),
    _refers("compound_id", "compound"),
    _refers("grid_id", "grid"),
    _tile_index("building"),
)

entrance = _tenant(
    "entrance",
    Column("building_id", BigInteger, nullable=False),
    Column("unit", String(16), nullable=False),  # 单元; "无" when the building has one only
    Column("assumed", Boolean, nullable=False, server_default=text("false")),  # not mapped: set at the nearest street
    *_shape("door", "POINT"),
    _refers("building_id", "building", ondelete="CASCADE"),
    UniqueConstraint("community_id", "building_id", "unit"),
)

place = _tenant(
    "place",
    Column("name", Text, nullable=False),
    Column("kind", String(24), nullable=False),  # service_centre school government committee gate market clinic other
    *_shape("at", "POINT"),
    _mercator("shape_3857", "at", "POINT"),
    _tile_index("place"),
)

# --- who works where ---------------------------------------------------------------------------------------------

worker = _tenant("worker", Column("name", Text, nullable=False))

worker_assignment = _tenant(
    "worker_assignment",
    Column("worker_id", BigInteger, nullable=False),
    Column("grid_id", BigInteger, nullable=False),
    Column("duty", String(12), nullable=False, server_default="main"),  # main substitute
    *_dated(),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    CheckConstraint("duty IN ('main', 'substitute')", name="duty"),
    _refers("worker_id", "worker"),
    _refers("grid_id", "grid"),
    ExcludeConstraint(
        ("community_id", "="),
        ("grid_id", "="),
        (text("daterange(valid_from, valid_to)"), "&&"),
        where=text("duty = 'main'"),
        using="gist",
        name="one_main_worker",
    ),
)

# --- households and people ---------------------------------------------------------------------------------------

household = _tenant(
    "household",
    Column("grid_id", BigInteger, nullable=False),
    Column("building_id", BigInteger, nullable=False),
    Column("entrance_id", BigInteger, nullable=False),
    Column("floor", SmallInteger, nullable=False),
    Column("room", String(16), nullable=False),  # 室
    Column("people_count", SmallInteger, nullable=False, server_default="0"),
    # What domain.coverage decided from rules, facts and visits; rewritten whenever one of them changes. SQL may
    # narrow and count these against a date, never decide.
    Column("standing", String(12), nullable=False, server_default="occupied"),
    Column("standing_reason", Text),
    Column("group_bits", BigInteger, nullable=False, server_default="0"),  # bit i = domain.groups.GROUPS[i]
    Column("period_days", SmallInteger, nullable=False, server_default="0"),
    Column("mode_bits", SmallInteger, nullable=False, server_default="0"),  # domain.rules.MODE_BIT: modes that count
    Column("last_effective_on", Date),
    Column("last_try_on", Date),
    Column("tries", SmallInteger, nullable=False, server_default="0"),  # unanswered since the last effective visit
    Column("due_on", Date),
    Column("overdue_on", Date),
    Column("state_fresh", SmallInteger, nullable=False, server_default="0"),  # before due_on
    Column("state_due", SmallInteger, nullable=False, server_default="0"),  # from due_on until overdue_on
    Column("state_late", SmallInteger, nullable=False, server_default="0"),  # from overdue_on on
    *_shape("door", "POINT"),  # near the entrance, spread so that doors of one stairwell can be told apart
    _mercator("shape_3857", "door", "POINT"),
    _refers("grid_id", "grid"),
    _refers("building_id", "building"),
    _refers("entrance_id", "entrance"),
    UniqueConstraint("community_id", "id", "grid_id"),
    UniqueConstraint("community_id", "entrance_id", "floor", "room"),
    CheckConstraint("standing IN ('occupied', 'vacant', 'moved', 'refused', 'excluded')", name="standing"),
    _tile_index("household"),
    Index(  # the groups layer of a low zoom reads the one door in seven that has a group: twice as quick
        "household_groups_gist",
        "community_id",
        "shape_3857",
        postgresql_using="gist",
        postgresql_where=text("group_bits <> 0"),
    ),
    Index(None, "community_id", "grid_id", "overdue_on"),
    Index(None, "community_id", "building_id"),
)

household_spell = _tenant(  # what a household was, in which grid, and since when we know it
    "household_spell",
    *_of_household(),
    Column("in_grid_id", BigInteger, nullable=False),  # the grid then; never rewritten
    Column("standing", String(12), nullable=False),
    Column("reason", Text),
    *_dated(),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("withdrawn_at", DateTime(timezone=True)),  # a mistake: from then on they had lived there all the time
    CheckConstraint("standing IN ('occupied', 'vacant', 'moved', 'refused', 'excluded')", name="standing"),
    _refers("in_grid_id", "grid"),
    _no_overlap("household_id"),
    Index(None, "community_id", "household_id"),  # the constraint's own index is of no use to a single household
    Index(None, "community_id", "in_grid_id"),
    Index(None, "community_id", "valid_from"),
    Index(None, "community_id", "recorded_at"),
)

resident = _tenant(
    "resident",
    *_of_household(),
    Column("name", Text, nullable=False),
    Column("sex", String(1), nullable=False),  # m f
    Column("born_year", SmallInteger, nullable=False),
    Column("relation", String(16), nullable=False),  # head spouse child parent grandchild other
    Column("registration", String(12), nullable=False, server_default="local"),  # local migrant foreign
    Index(None, "community_id", "household_id"),
    Index(None, "community_id", "name"),
)

group_tag = _tenant(
    "group_tag",
    *_of_household(),
    Column("resident_id", BigInteger),
    Column("group_code", String(24), nullable=False),
    *_dated(),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("basis", Text, nullable=False),  # legal basis: duty, consent, guardian
    _refers("resident_id", "resident", ondelete="CASCADE"),
    Index(None, "community_id", "household_id"),
)

visit_rule = _tenant(
    "visit_rule",
    Column("group_code", String(24), nullable=False),  # "general" for a household with no tag
    Column("period_days", SmallInteger, nullable=False),
    Column("soon_days", SmallInteger, nullable=False),  # "due soon" begins so many days before the end of the period
    Column("modes", ARRAY(String(8)), nullable=False),  # what counts: door phone remote
    Column("source", Text, nullable=False),
    *_dated(),
    CheckConstraint("period_days BETWEEN 1 AND 3660 AND soon_days BETWEEN 0 AND period_days", name="days"),
    _no_overlap("group_code"),
)

visit = Table(
    "visit",
    metadata,
    Column("community_id", Integer, ForeignKey("community.id", ondelete="CASCADE"), nullable=False),
    Column("id", Uuid, nullable=False),  # made by the device that recorded it: sending twice is once
    *_of_household(),
    Column("made_in_grid_id", BigInteger, nullable=False),  # a fact that never changes
    Column("worker_id", BigInteger),
    Column("visited_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("minutes", SmallInteger, nullable=False, server_default="0"),
    Column("mode", String(8), nullable=False),
    Column("result", String(8), nullable=False),
    Column("purpose", String(16), nullable=False, server_default="routine"),
    Column("note", Text),
    Column("resident_id", BigInteger),  # who was met, where one member was named
    Column("follow_up_on", Date),  # come again on this day; an effective visit from that day on answers it
    Column("consent", String(8)),  # given, withheld; NULL: not asked
    Column("withdrawn_at", DateTime(timezone=True)),  # taken back by who recorded it: counts no more from then on
    Column("skew_s", Integer),  # the phone's clock minus ours when it was sent; over 5 min visited_at is put right
    PrimaryKeyConstraint("community_id", "id"),
    _refers("made_in_grid_id", "grid"),
    _refers("worker_id", "worker"),
    _refers("resident_id", "resident", ondelete="SET NULL (resident_id)"),
    CheckConstraint("consent IN ('given', 'withheld')", name="consent"),
    CheckConstraint("mode IN ('door', 'phone', 'remote')", name="mode"),
    CheckConstraint("result IN ('met', 'nobody', 'refused', 'moved', 'vacant')", name="result"),
    Index(None, "community_id", "household_id", "visited_at"),
    Index(None, "community_id", "grid_id", "visited_at"),
    Index("visit_recorded_at_brin", "recorded_at", postgresql_using="brin"),  # visits come in the order of recording
    Index("visit_withdrawn_ix", "community_id", "withdrawn_at", postgresql_where=text("withdrawn_at IS NOT NULL")),
    Index(
        "visit_follow_up_ix",
        "community_id",
        "grid_id",
        "follow_up_on",
        postgresql_where=text("follow_up_on IS NOT NULL AND withdrawn_at IS NULL"),
    ),
)

need = _tenant(
    "need",
    *_of_household(),
    Column("made_in_grid_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("summary", Text, nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("closed_at", DateTime(timezone=True)),
    Column("visit_id", Uuid),  # the visit it was told at
    CheckConstraint("closed_at >= raised_at", name="times_in_order"),
    _refers("made_in_grid_id", "grid"),
    Index(None, "community_id", "grid_id", "closed_at"),
    Index(None, "community_id", "household_id"),
)

# --- facilities and water ----------------------------------------------------------------------------------------

facility = _tenant(
    "facility",
    Column("number", String(16), nullable=False),
    Column("kind", String(12), nullable=False),  # vending locker charging
    Column("name", Text, nullable=False),
    Column("opened_on", Date, nullable=False),
    Column("closed_on", Date),
    *_shape("at", "POINT"),
    CheckConstraint("kind IN ('vending', 'locker', 'charging')", name="kind"),
    UniqueConstraint("community_id", "number"),
)

facility_income = _tenant(
    "facility_income",
    Column("facility_id", BigInteger, nullable=False),
    Column("month", Date, nullable=False),
    Column("amount_yuan", Numeric(10, 2), nullable=False),
    _refers("facility_id", "facility", ondelete="CASCADE"),
    key=("facility_id", "month"),
)

delivery_customer = _tenant(
    "delivery_customer",
    Column("name", Text, nullable=False),  # an institution or a door, never a resident's name
    Column("kind", String(12), nullable=False),  # institution shop household
    *_shape("at", "POINT"),
)

delivery_run = _tenant(
    "delivery_run",
    Column("on", Date, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("driver", Text, nullable=False),
    Column("length_m", Float, nullable=False),
    *_shape("path", "LINESTRING"),
    UniqueConstraint("community_id", "on", "number"),
)

delivery_order = _tenant(
    "delivery_order",
    Column("customer_id", BigInteger, nullable=False),
    Column("brand", String(16), nullable=False),
    Column("barrels", SmallInteger, nullable=False),
    Column("ordered_at", DateTime(timezone=True), nullable=False),
    Column("delivered_at", DateTime(timezone=True)),
    Column("run_id", BigInteger),
    Column("stop_number", SmallInteger),
    CheckConstraint("barrels BETWEEN 1 AND 500", name="barrels"),
    _refers("customer_id", "delivery_customer"),
    _refers("run_id", "delivery_run", ondelete="SET NULL (run_id)"),
    Index(None, "community_id", "ordered_at"),
)

# --- streets people walk ------------------------------------------------------------------------------------------

street_node = _tenant(
    "street_node",
    *_shape("at", "POINT"),
)

street_edge = _tenant(  # one stretch between two nodes; an edit ends a row and begins another
    "street_edge",
    Column("tail_id", BigInteger, nullable=False),
    Column("head_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # a street's kind, or compound gate steps lift
    Column("name", Text),
    Column("length_m", Float, nullable=False),
    Column("walk_s", Float),  # tail to head; NULL = barred
    Column("walk_back_s", Float),
    Column("ride_s", Float),  # the water tricycle
    Column("ride_back_s", Float),
    Column("steps", SmallInteger),  # of a stair
    Column("opens_min", SmallInteger),  # a gate's hours, minutes of the local day; NULL = always open
    Column("closes_min", SmallInteger),
    Column("source_id", Text),
    *_dated(),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    *_shape("path", "LINESTRING"),
    _mercator("shape_3857", "path", "LINESTRING"),
    _refers("tail_id", "street_node"),
    _refers("head_id", "street_node"),
    CheckConstraint("walk_s >= 0 AND walk_back_s >= 0 AND ride_s >= 0 AND ride_back_s >= 0", name="seconds"),
    CheckConstraint(
        "(opens_min IS NULL) = (closes_min IS NULL) AND opens_min >= 0 AND closes_min <= 1440"
        " AND opens_min < closes_min",
        name="hours",
    ),
    _tile_index("street_edge"),
    Index(None, "community_id", "valid_from"),
)

entrance_access = _tenant(  # where an entrance meets the network: kept, so that a plan need not look for it
    "entrance_access",
    Column("entrance_id", BigInteger, nullable=False),
    Column("edge_id", BigInteger),  # NULL: no street can be reached
    Column("share", Float, nullable=False, server_default="0"),  # 0 at the edge's tail, 1 at its head
    Column("distance_m", Float, nullable=False, server_default="0"),  # straight; walked as 1.3 times as long
    Column("state", String(12), nullable=False),
    CheckConstraint("state IN ('ok', 'far', 'unreachable')", name="state"),
    CheckConstraint("share BETWEEN 0 AND 1", name="share"),
    CheckConstraint("(edge_id IS NULL) = (state = 'unreachable')", name="edge"),
    _refers("entrance_id", "entrance", ondelete="CASCADE"),
    _refers("edge_id", "street_edge"),
    key=("entrance_id",),
)

street_edit = _tenant(  # what a planner changed; the last one can be taken back
    "street_edit",
    Column("on", Date, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("account_id", BigInteger),
    Column("kind", String(16), nullable=False),  # the class of services.streets.Change, or undo
    Column("began", ARRAY(BigInteger), nullable=False),  # edges that began with it
    Column("before", JSONB, nullable=False),  # edges it replaced, as they were
    Column("undone_at", DateTime(timezone=True)),
    Index(None, "community_id", "recorded_at"),
)

# --- the work of a day --------------------------------------------------------------------------------------------

work_setting = _tenant(  # one row, or none: then the defaults of domain.working.WorkSetting hold
    "work_setting",
    Column("settings", JSONB, nullable=False),  # the fields of domain.working.WorkSetting that differ
    key=(),
)

shift = _tenant(  # when a worker walks; none on a day: the setting's usual hours on working days
    "shift",
    Column("worker_id", BigInteger, nullable=False),
    Column("on", Date, nullable=False),
    Column("start_min", SmallInteger, nullable=False),  # minutes of the local day
    Column("end_min", SmallInteger, nullable=False),
    *_shape("start_at", "POINT", nullable=True),  # NULL: the service centre
    *_shape("end_at", "POINT", nullable=True),
    _refers("worker_id", "worker"),
    CheckConstraint("start_min >= 0 AND start_min <= end_min AND end_min <= 1440", name="minutes"),  # equal: off duty
    Index(None, "community_id", "on", "worker_id"),
    # he took these hours when they were offered, and may take others; else the office set them
    Column("chosen", Boolean, nullable=False, server_default=text("false")),
)

availability = _tenant(  # when somebody is at home, as the household said; with several, any of them
    "availability",
    *_of_household(),
    Column("weekday_bits", SmallInteger, nullable=False),  # bit 0 = Monday
    Column("from_min", SmallInteger, nullable=False),
    Column("until_min", SmallInteger, nullable=False),
    *_dated(),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("visit_id", Uuid),
    CheckConstraint("weekday_bits BETWEEN 1 AND 127", name="weekdays"),
    CheckConstraint("from_min >= 0 AND from_min < until_min AND until_min <= 1440", name="minutes"),
    Index(None, "community_id", "household_id"),
)

appointment = _tenant(  # a promise: "Thursday 15:00"
    "appointment",
    *_of_household(),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),  # the latest moment to ring
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("cancelled_at", DateTime(timezone=True)),
    Column("visit_id", Uuid),  # the visit it was made at
    CheckConstraint("starts_at < ends_at", name="times_in_order"),
    Index(None, "community_id", "household_id"),
    Index(None, "community_id", "starts_at"),
)

household_event = _tenant(  # something that asks for a visit soon; the first effective visit after it answers it
    "household_event",
    *_of_household(),
    Column("kind", String(16), nullable=False),
    Column("happened_at", DateTime(timezone=True), nullable=False),
    Column("visit_by", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("withdrawn_at", DateTime(timezone=True)),
    CheckConstraint("happened_at <= visit_by", name="times_in_order"),
    Index(None, "community_id", "household_id"),
)

errand = _tenant(  # what is done on the way: check a machine, go along with party members, look at a stairwell
    "errand",
    Column("grid_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # facility joint environment publicity
    Column("facility_id", BigInteger),
    Column("household_id", BigInteger),  # of a joint visit
    Column("title", Text, nullable=False),  # never a resident's name
    Column("on", Date, nullable=False),
    Column("minutes", SmallInteger, nullable=False),
    Column("from_min", SmallInteger),
    Column("until_min", SmallInteger),
    Column("done_at", DateTime(timezone=True)),
    *_shape("at", "POINT"),
    _refers("grid_id", "grid"),
    _refers("facility_id", "facility"),
    ForeignKeyConstraint(
        ["community_id", "household_id", "grid_id"],
        ["household.community_id", "household.id", "household.grid_id"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    CheckConstraint("minutes BETWEEN 0 AND 600", name="minutes"),
    Index(None, "community_id", "grid_id", "on"),
)

material = _tenant(  # the catalogue of policy material
    "material",
    Column("code", String(24), nullable=False),
    Column("name", Text, nullable=False),
    Column("group_code", String(24)),  # for whom; NULL = every household
    *_dated(),
    UniqueConstraint("community_id", "code", "valid_from"),
)

material_delivery = _tenant(
    "material_delivery",
    *_of_household(),
    Column("material_id", BigInteger, nullable=False),
    Column("visit_id", Uuid),
    Column("delivered_at", DateTime(timezone=True), nullable=False),
    _refers("material_id", "material"),
    Index(None, "community_id", "household_id"),
)

hazard = _tenant(
    "hazard",
    *_of_household(),
    Column("kind", String(16), nullable=False),  # electricity gas clutter fire structure other
    Column("note", Text),
    Column("visit_id", Uuid),
    Column("found_at", DateTime(timezone=True), nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    Index(None, "community_id", "household_id"),
)

dispute = _tenant(
    "dispute",
    *_of_household(),
    Column("summary", Text, nullable=False),
    Column("visit_id", Uuid),
    Column("raised_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Index(None, "community_id", "household_id"),
)

photo = Table(
    "photo",
    metadata,
    Column("community_id", Integer, ForeignKey("community.id", ondelete="CASCADE"), nullable=False),
    Column("id", Uuid, nullable=False),
    *_of_household(),
    Column("visit_id", Uuid, nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False),
    Column("image", LargeBinary, nullable=False),  # JPEG, drawn anew by the phone: without place or device
    PrimaryKeyConstraint("community_id", "id"),
    CheckConstraint("length(image) <= 500000", name="size"),
    Index(None, "community_id", "household_id"),
)

answer_count = _tenant(  # how often doors of a building opened, by local weekday and band; nothing about one door
    "answer_count",
    Column("building_id", BigInteger, nullable=False),
    Column("weekday", SmallInteger, nullable=False),  # 0 = Monday
    Column("band", SmallInteger, nullable=False),  # domain.answering.BANDS
    Column("knocks", Integer, nullable=False),
    Column("answers", Integer, nullable=False),
    CheckConstraint("weekday BETWEEN 0 AND 6 AND answers BETWEEN 0 AND knocks", name="counts"),
    _refers("building_id", "building", ondelete="CASCADE"),
    key=("building_id", "weekday", "band"),
)

answer_sum = _tenant(  # the same summed for each kind of building, once a day: what single buildings are shrunk towards
    "answer_sum",
    Column("kind", String(16), nullable=False),  # building.kind; "" in a row that only says that the day was counted
    Column("weekend", Boolean, nullable=False),
    Column("band", SmallInteger, nullable=False),
    Column("on", Date, nullable=False),
    Column("buildings", Integer, nullable=False),
    Column("knocks", BigInteger, nullable=False),
    Column("answers", BigInteger, nullable=False),
    Column("knocks_squared", Float, nullable=False),  # sum over buildings; see domain.answering.Sums
    Column("answers_share", Float, nullable=False),
    key=("kind", "weekend", "band"),
)

# --- plans --------------------------------------------------------------------------------------------------------

plan = _tenant(  # one worker's walk on one day, as it was found
    "plan",
    Column("worker_id", BigInteger, nullable=False),
    Column("grid_id", BigInteger, nullable=False),  # the grid it begins in, which decides who may read it
    Column("on", Date, nullable=False),
    Column("replaces_id", BigInteger),
    Column("current", Boolean, nullable=False, server_default=text("true")),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("start_s", Integer, nullable=False),  # seconds of the local day
    Column("end_s", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("iterations", Integer, nullable=False),
    Column("solver", Text, nullable=False),
    Column("network_mark", BigInteger, nullable=False),
    Column("input_hash", LargeBinary(32), nullable=False),
    Column("choice_status", String(12), nullable=False),
    Column("order_status", String(12), nullable=False),
    Column("objective", BigInteger, nullable=False),
    Column("bound", BigInteger, nullable=False),
    _refers("worker_id", "worker"),
    _refers("grid_id", "grid"),
    _refers("replaces_id", "plan", ondelete="SET NULL (replaces_id)"),
    CheckConstraint(
        "choice_status IN ('optimal', 'best_found') AND order_status IN ('optimal', 'best_found')", "status"
    ),
    Index("plan_current_key", "community_id", "worker_id", "on", unique=True, postgresql_where=text("current")),
    Index(None, "community_id", "on"),
)

plan_stop = _tenant(  # one door, errand, start or end of a plan, in order
    "plan_stop",
    Column("plan_id", BigInteger, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("grid_id", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),  # start door errand end
    Column("household_id", BigInteger),
    Column("errand_id", BigInteger),
    Column("entrance_id", BigInteger),
    Column("arrive_s", Integer, nullable=False),  # seconds of the local day
    Column("start_s", Integer, nullable=False),
    Column("leave_s", Integer, nullable=False),
    Column("walk_s", Integer, nullable=False),  # from the stop before, level
    Column("vertical_s", Integer, nullable=False),  # stairs and lifts
    Column("walk_m", Integer, nullable=False),
    Column("state", String(8), nullable=False, server_default="planned"),  # planned done skipped
    Column("urgency", String(8)),  # must should may
    Column("reasons", JSONB, nullable=False, server_default="[]"),  # [[code, {values}], ...]; no names
    Column("pinned", Boolean, nullable=False, server_default=text("false")),
    Column("chance", SmallInteger, nullable=False, server_default="0"),  # percent, that the door opens then
    Column("purposes", JSONB, nullable=False, server_default="[]"),
    Column("materials", JSONB, nullable=False, server_default="[]"),  # ids of material to bring
    Column("parts", JSONB, nullable=False, server_default="[]"),  # [[kind, first, last vertex], ...] of path
    *_shape("path", "LINESTRING", nullable=True),  # the leg that leads here
    _refers("plan_id", "plan", ondelete="CASCADE"),
    _refers("errand_id", "errand", ondelete="SET NULL (errand_id)"),
    _refers("entrance_id", "entrance"),
    ForeignKeyConstraint(
        ["community_id", "household_id", "grid_id"],
        ["household.community_id", "household.id", "household.grid_id"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    CheckConstraint("kind IN ('start', 'door', 'errand', 'end')", name="kind"),
    CheckConstraint("arrive_s <= start_s AND start_s <= leave_s", name="times_in_order"),
    Index(None, "community_id", "household_id"),  # a household that changes grid takes its stops along
    key=("plan_id", "number"),
)

plan_omission = _tenant(  # a door that was asked for and left out, and what would bring it in
    "plan_omission",
    *_of_household(),
    Column("plan_id", BigInteger, nullable=False),
    Column("urgency", String(8), nullable=False),
    Column("reasons", JSONB, nullable=False, server_default="[]"),
    Column("condition", String(16), nullable=False),  # domain.routes.Condition
    Column("condition_values", JSONB, nullable=False, server_default="{}"),
    _refers("plan_id", "plan", ondelete="CASCADE"),
    Index(None, "community_id", "household_id"),
    key=("plan_id", "household_id"),
)

# --- what phones send ---------------------------------------------------------------------------------------------

submission = Table(  # everything a phone sent, as it arrived; never changed but for a leader's decision
    "submission",
    metadata,
    Column("community_id", Integer, ForeignKey("community.id", ondelete="CASCADE"), nullable=False),
    Column("id", Uuid, nullable=False),  # made by the phone: sending twice is once
    Column("account_id", BigInteger, nullable=False),
    Column("kind", String(12), nullable=False),  # visit photo withdrawal, or what a newer phone may call it
    Column("version", SmallInteger, nullable=False),
    Column("body", Text, nullable=False),  # JSON as the phone wrote it; a kept photo's image is in ``photo`` only
    Column("body_hash", LargeBinary(32), nullable=False),  # SHA-256 of what the phone wrote
    Column("household_id", BigInteger),  # as told; it need not exist
    Column("captured_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("skew_s", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("reason", String(24)),  # why it is held
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", BigInteger),  # account
    Column("worker_id", BigInteger),  # of the account that sent it; NULL: of the office
    Column("decision_note", Text),  # why a leader dropped it, in his words
    PrimaryKeyConstraint("community_id", "id"),
    _refers("account_id", "account"),
    _refers("worker_id", "worker"),
    CheckConstraint("state IN ('kept', 'held', 'dropped')", name="state"),
    Index(None, "community_id", "account_id", "received_at"),
    Index("submission_held_ix", "community_id", "received_at", postgresql_where=text("state = 'held'")),
)

# --- coverage figures kept per grid ------------------------------------------------------------------------------

grid_stat = _tenant(  # counts of one grid on one day, by group; "" = every household
    "grid_stat",
    Column("grid_id", BigInteger, nullable=False),
    Column("on", Date, nullable=False),
    Column("group_code", String(24), nullable=False, server_default=""),
    Column("final", Boolean, nullable=False, server_default=text("false")),  # the day is over: never changes again
    Column("counts", JSON, nullable=False),  # domain.coverage.Counts, its fields in their order; read as text
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    _refers("grid_id", "grid", ondelete="CASCADE"),
    key=("on", "group_code", "grid_id"),
)

# --- borders: drafts, what was published, who was told -------------------------------------------------------------

boundary_version = _tenant(  # one state of the whole partition; the first is the one the community was loaded with
    "boundary_version",
    Column("effect_on", Date, nullable=False),
    Column("plan_id", BigInteger),  # NULL: loaded, not drawn here
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("reason", Text, nullable=False, server_default=""),
    Column("account_id", BigInteger),  # who let it take effect
    Column("changed", ARRAY(BigInteger), nullable=False),  # grids whose border, number, name or kind is another
    Column("counts", JSONB, nullable=False, server_default="{}"),  # what moved: households, people, needs, ...
    Column("hash", LargeBinary(32), nullable=False),  # SHA-256 of the whole partition, see domain.boundaries
    # The changed grids as they were before, domain.boundaries.packed: from the present one walks back to any version
    Column("before", LargeBinary, nullable=False, server_default=text("''")),
    Index(None, "community_id", "effect_on"),
)

boundary_plan = _tenant(  # a draft of other borders, until it takes effect or is thrown away
    "boundary_plan",
    Column("title", Text, nullable=False),
    Column("origin", String(12), nullable=False),  # drawn import balance count return
    Column("source", JSONB, nullable=False, server_default="{}"),  # what a file was taken for, how a proposal was made
    Column("state", String(12), nullable=False, server_default="draft"),
    Column("base_id", BigInteger, nullable=False),  # the version it is drawn over
    Column("revision", Integer, nullable=False, server_default="0"),  # one more with every change
    Column("locked", ARRAY(BigInteger), nullable=False, server_default="{}"),  # keys of grids that may not change
    Column("holder_id", BigInteger),  # account that may edit it until lease_until
    Column("held_since", DateTime(timezone=True)),
    Column("lease_until", DateTime(timezone=True)),
    Column("created_by", BigInteger),  # NULL: the program
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("submitted_by", BigInteger),
    Column("submitted_at", DateTime(timezone=True)),
    Column("reason", Text, nullable=False, server_default=""),
    Column("effect_on", Date),
    Column("decided_by", BigInteger),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_note", Text, nullable=False, server_default=""),
    Column("version_id", BigInteger),  # the version it became
    _refers("base_id", "boundary_version"),
    _refers("version_id", "boundary_version"),
    _refers("holder_id", "account"),
    _refers("created_by", "account"),
    _refers("submitted_by", "account"),
    _refers("decided_by", "account"),
    CheckConstraint("state IN ('draft', 'submitted', 'approved', 'in_effect', 'discarded')", name="state"),
    CheckConstraint("origin IN ('drawn', 'import', 'balance', 'count', 'return')", name="origin"),
    CheckConstraint("(holder_id IS NULL) = (lease_until IS NULL)", name="lease"),
    CheckConstraint("decided_by IS NULL OR decided_by <> submitted_by", name="two_people"),
    Index(None, "community_id", "state"),
)

boundary_change = _tenant(  # a grid that is another in a draft than in its base
    "boundary_change",
    Column("plan_id", BigInteger, nullable=False),
    Column("grid_key", BigInteger, nullable=False),  # the grid's id; negative: a grid the draft adds
    Column("number", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("worker_id", BigInteger),  # of a grid the draft adds
    *_shape("boundary", "POLYGON", nullable=True),  # NULL: the draft gives this grid up
    _refers("plan_id", "boundary_plan", ondelete="CASCADE"),
    _refers("worker_id", "worker"),
    CheckConstraint("kind IN ('general', 'commercial')", name="kind"),
    CheckConstraint("grid_key <> 0", name="key"),
    Index("boundary_change_boundary_gist", "community_id", "boundary", postgresql_using="gist"),
    key=("plan_id", "grid_key"),
)

boundary_edit = _tenant(  # what was done to a draft, in order; each can be undone and done again
    "boundary_edit",
    Column("plan_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("detail", JSONB, nullable=False, server_default="{}"),
    Column("before", LargeBinary, nullable=False),  # the changed grids, domain.boundaries.packed
    Column("after", LargeBinary, nullable=False),
    Column("account_id", BigInteger),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("undone", Boolean, nullable=False, server_default=text("false")),
    _refers("plan_id", "boundary_plan", ondelete="CASCADE"),
    key=("plan_id", "number"),
)

boundary_comment = _tenant(
    "boundary_comment",
    Column("plan_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("words", Text, nullable=False),
    _refers("plan_id", "boundary_plan", ondelete="CASCADE"),
    _refers("account_id", "account"),
    CheckConstraint("length(words) BETWEEN 1 AND 2000", name="words"),
    Index(None, "community_id", "plan_id", "at"),
)

boundary_move = _tenant(  # a household that another grid holds since a version
    "boundary_move",
    *_of_household(),
    Column("version_id", BigInteger, nullable=False),
    Column("from_grid_id", BigInteger, nullable=False),
    Column("to_grid_id", BigInteger, nullable=False),
    _refers("version_id", "boundary_version", ondelete="CASCADE"),
    _refers("from_grid_id", "grid"),
    _refers("to_grid_id", "grid"),
    Index(None, "community_id", "household_id"),
    key=("version_id", "household_id"),
)

boundary_notice = _tenant(  # what a worker is told of a version that changes his grid
    "boundary_notice",
    Column("version_id", BigInteger, nullable=False),
    Column("worker_id", BigInteger, nullable=False),
    Column("grid_id", BigInteger, nullable=False),
    Column("gained", Integer, nullable=False),  # households
    Column("lost", Integer, nullable=False),
    Column("seen_at", DateTime(timezone=True)),
    _refers("version_id", "boundary_version", ondelete="CASCADE"),
    _refers("worker_id", "worker"),
    _refers("grid_id", "grid"),
    key=("version_id", "worker_id", "grid_id"),
)

issued_report = _tenant(  # a report as it was handed out, for good
    "issued_report",
    Column("kind", String(16), nullable=False),
    Column("on", Date, nullable=False),  # as of
    Column("title", Text, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("account_id", BigInteger),
    Column("figures", JSON, nullable=False),  # domain.figures.of_overview, to be compared with what is counted later
    Column("file", LargeBinary, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),  # SHA-256 of file
    _refers("account_id", "account"),
    Index(None, "community_id", "on"),
)

# --- accounts ----------------------------------------------------------------------------------------------------

account = _tenant(
    "account",
    Column("username", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", String(12), nullable=False),
    Column("worker_id", BigInteger),
    Column("password_hash", Text),  # argon2; NULL: only a sign-in link opens it
    Column("disabled_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    _refers("worker_id", "worker"),
    CheckConstraint("role IN ('secretary', 'worker', 'planner', 'clerk', 'driver', 'admin')", name="role"),
)

session = _tenant(
    "session",
    Column("token_hash", LargeBinary(32), nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("device", Text, nullable=False, server_default=""),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    _refers("account_id", "account", ondelete="CASCADE"),
    Index(None, "token_hash", unique=True),
    key=("token_hash",),
)

sign_in_link = _tenant(
    "sign_in_link",
    Column("token_hash", LargeBinary(32), nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    _refers("account_id", "account", ondelete="CASCADE"),
    Index(None, "token_hash", unique=True),
    key=("token_hash",),
)

throttle = Table(  # tries before sign-in belong to no community yet: the one table without the tenant key
    "throttle",
    metadata,
    Column("bucket", Text, primary_key=True),  # a hash: no name, no address
    Column("tokens", Float, nullable=False),
    Column("filled_at", DateTime(timezone=True), nullable=False, server_default=NOW),
)

audit_event = _tenant(
    "audit_event",
    Column("at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("account_id", BigInteger),
    Column("action", String(32), nullable=False),
    Column("subject", Text, nullable=False, server_default=""),  # ids only, no names
    Column("detail", JSONB, nullable=False, server_default="{}"),
    Index(None, "community_id", "at"),
)
