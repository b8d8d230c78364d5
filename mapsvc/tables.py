"""The tables, as SQLAlchemy sees them; migrations build them and a test compares the two.

Rooms write their SQL by hand: this file is the one place that says which columns there are.
Every geometry is WGS-84 longitude/latitude (EPSG:4326); every code is text.
"""

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()


def _text(name: str, **more: Any) -> Column[str]:
    return Column(name, Text, nullable=False, **more)


def _moment(name: str, **more: Any) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False, **more)


def _geometry(kind: str, *, nullable: bool = False) -> Column[Any]:
    return Column("geom", Geometry(kind, 4326, spatial_index=False), nullable=nullable)


def _json(name: str, default: str = "{}", **more: Any) -> Column[Any]:
    return Column(name, JSONB, nullable=False, server_default=text(f"'{default}'"), **more)


setting = Table("setting", metadata, _text("key", primary_key=True), _json("value"))

region = Table(
    "region",
    metadata,
    _text("code", primary_key=True),
    _text("name"),
    _text("level"),
    Column("parent_code", Text, ForeignKey("region.code", deferrable=True, initially="DEFERRED")),
    # Every region above this one and itself, top first: scope is one containment test.
    Column("path", ARRAY(Text), nullable=False),
    _text("search", server_default=""),
    _geometry("MULTIPOLYGON"),
    CheckConstraint(
        "level in ('province','city','county','township','village')", name="region_level"
    ),
    Index("region_geom_idx", "geom", postgresql_using="gist"),
    Index("region_path_idx", "path", postgresql_using="gin"),
    Index("region_level_idx", "level", "code"),
)

layer = Table(
    "layer",
    metadata,
    _text("id", primary_key=True),
    Column("version", BigInteger, nullable=False, server_default="0"),
    Column("feature_count", BigInteger, nullable=False, server_default="0"),
    _moment("updated_at", server_default=text("now()")),
)

# What changed, one row a statement and layer; `position` is given at commit, in commit order.
change = Table(
    "change",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("position", BigInteger),
    _moment("at", server_default=text("clock_timestamp()")),
    _text("event"),
    Column("layer", Text),
    _json("data"),
    Index("change_position_key", "position", unique=True),
    Index("change_at_idx", "at"),
)

feature_id = Sequence("feature_id_seq", metadata=metadata)
change_position = Sequence("change_position_seq", metadata=metadata)


def _feature_columns() -> list[Column[Any]]:
    """What the map knows of one feature at one version."""
    return [
        _text("layer"),
        Column("id", BigInteger, nullable=False, server_default=feature_id.next_value()),
        Column("code", Text),
        _text("name"),
        Column("region_code", Text),
        _text("township_code", server_default=""),
        _geometry("GEOMETRY"),
        _json("attrs"),
        Column("grade", SmallInteger),
        _text("search", server_default=""),
        Column("version", Integer, nullable=False, server_default="1"),
        _moment("updated_at", server_default=text("clock_timestamp()")),
        _text("updated_by", server_default=""),
        Column("verified_at", Date),
        Column("upload_id", Uuid),
        _json("provenance"),
    ]


feature = Table(
    "feature",
    metadata,
    *_feature_columns(),
    PrimaryKeyConstraint("layer", "id"),
    # A township numbers its own ledger: a code is unique there, not in the county.
    Index(
        "feature_code_key",
        "layer",
        "township_code",
        "code",
        unique=True,
        postgresql_where=text("code is not null"),
    ),
    Index("feature_geom_idx", "geom", postgresql_using="gist"),
    Index("feature_region_idx", "region_code"),
    Index("feature_name_idx", "township_code", "name"),
    Index("feature_updated_idx", "updated_at"),
    Index(
        "feature_search_idx",
        "search",
        postgresql_using="gin",
        postgresql_ops={"search": "gin_trgm_ops"},
    ),
    postgresql_partition_by="LIST (layer)",
)

# Points counted by square of the world, every second level, for the tiles of low zooms.
feature_cell = Table(
    "feature_cell",
    metadata,
    _text("layer"),
    Column("level", SmallInteger, nullable=False),
    Column("cell", BigInteger, nullable=False),
    *[
        Column(name, Integer, nullable=False)
        for name in ("many", "grade1", "grade2", "grade3", "grade4")
    ],
    *[Column(name, BigInteger, nullable=False) for name in ("columns", "rows", "ids")],
    PrimaryKeyConstraint("layer", "level", "cell"),
)

feature_history = Table(
    "feature_history",
    metadata,
    *[c for c in _feature_columns() if c.name != "id"],
    Column("id", BigInteger, nullable=False),
    _moment("valid_to"),
    _text("op"),
    _text("changed_by", server_default=""),
    PrimaryKeyConstraint("layer", "id", "version"),
    Index("feature_history_time_idx", "layer", "valid_to", "updated_at"),
    Index("feature_history_upload_idx", "upload_id"),
)

upload = Table(
    "upload",
    metadata,
    Column("id", Uuid, primary_key=True),
    _text("layer"),
    Column("region_code", Text),
    _text("filename"),
    _text("sha256"),
    Column("original", LargeBinary, nullable=False),
    _text("status"),
    _text("declared_crs"),
    Column("used_crs", Text),
    _json("evidence", "[]"),
    _json("reading"),
    _json("counts"),
    Column("layer_version", BigInteger, nullable=False),
    _moment("created_at", server_default=text("now()")),
    _text("created_by"),
    Column("applied_at", DateTime(timezone=True)),
    Column("applied_by", Text),
    # The layer's version once applied, and a digest of all else that the outcome hung on.
    Column("applied_version", BigInteger),
    _text("basis", server_default=""),
    Column("delete_missing", Boolean, nullable=False, server_default=text("false")),
    # A file with its rows, or what one person typed of one feature.
    _text("kind", server_default="file"),
    CheckConstraint("kind in ('file','edit')", name="upload_kind"),
    CheckConstraint("status in ('staged','applied','rolled_back')", name="upload_status"),
    Index("upload_created_idx", "created_at"),
    Index("upload_sha256_idx", "sha256"),
    Index("upload_staged_idx", "created_at", postgresql_where=text("status = 'staged'")),
)

upload_row = Table(
    "upload_row",
    metadata,
    # No foreign key: checking it costs as much as copying the rows, and uploads are kept.
    Column("upload_id", Uuid, nullable=False),
    Column("seq", Integer, nullable=False),
    _text("sheet"),
    Column("row", Integer, nullable=False),
    _text("action"),
    # Rows that belong together (one depot, many items) name the row that carries the feature.
    Column("lead_seq", Integer),
    Column("feature_id", BigInteger),
    Column("base_version", Integer),
    Column("code", Text),
    Column("name", Text),
    Column("region_code", Text),
    Column("township_code", Text),
    _geometry("GEOMETRY", nullable=True),
    Column("attrs", JSONB),
    Column("grade", SmallInteger),
    Column("search", Text),
    Column("verified_at", Date),
    Column("moved_m", Double),
    _json("provenance"),
    _json("raw"),
    PrimaryKeyConstraint("upload_id", "seq"),
    CheckConstraint(
        "action in ('new','changed','unchanged','refused','skipped')", name="upload_row_action"
    ),
)

upload_problem = Table(
    "upload_problem",
    metadata,
    Column("upload_id", Uuid, ForeignKey("upload.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Integer, nullable=False),
    _text("sheet"),
    Column("row", Integer),
    Column("column", Text),
    Column("field", Text),
    _text("code"),
    _text("message"),
    Column("value", Text),
    _text("severity", server_default="error"),
    PrimaryKeyConstraint("upload_id", "seq"),
)

account = Table(
    "account",
    metadata,
    _text("username", primary_key=True),
    _text("password_hash"),
    Column("roles", ARRAY(Text), nullable=False),
    Column("region_code", Text),
    _moment("created_at", server_default=text("now()")),
    _moment("password_at", server_default=text("now()")),
    Column("must_change", Boolean, nullable=False, server_default=text("false")),
    Column("locked", Boolean, nullable=False, server_default=text("false")),
    Column("signed_in_at", DateTime(timezone=True)),
    Column("totp_secret", Text),
    # The newest thirty seconds whose code was taken, so that none is taken twice.
    Column("totp_step", BigInteger, nullable=False, server_default="0"),
    Column("recovery", ARRAY(LargeBinary), nullable=False, server_default=text("'{}'")),
    CheckConstraint(
        "cardinality(roles) > 0 and roles <@ array['admin','county','planner','command','wall',"
        "'township','auditor']",
        name="account_roles",
    ),
    # A region binds the whole account, so nobody is a township and something else besides.
    CheckConstraint(
        "('township' = any(roles)) = (region_code is not null)"
        " and (region_code is null or cardinality(roles) = 1)",
        name="account_township_region",
    ),
)

# From where an account has signed in before: guesses from elsewhere do not lock it out there.
familiar = Table(
    "familiar",
    metadata,
    Column("username", Text, ForeignKey("account.username", ondelete="CASCADE"), primary_key=True),
    _text("address", primary_key=True),
    _moment("at", server_default=text("now()")),
)

# Sign-ins that were not (yet) successful, by account, by address and by both.
attempt = Table(
    "attempt",
    metadata,
    _text("key", primary_key=True),
    Column("failures", Integer, nullable=False, server_default="1"),
    Column("refused", Integer, nullable=False, server_default="0"),
    _moment("last_at", server_default=text("clock_timestamp()")),
    _moment("free_at", server_default=text("clock_timestamp()")),
    Index("attempt_last_idx", "last_at"),
)

# A wall that stands by itself: its token opens `/screen` and nothing else.
kiosk = Table(
    "kiosk",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    _text("name"),
    Column("token_hash", LargeBinary, nullable=False),
    _moment("created_at", server_default=text("now()")),
    _text("created_by", server_default=""),
    _moment("expires_at"),
    Column("used_at", DateTime(timezone=True)),
    _text("used_from", server_default=""),
    Index("kiosk_name_key", "name", unique=True),
    Index("kiosk_token_key", "token_hash", unique=True),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("username", Text, ForeignKey("account.username", ondelete="CASCADE")),
    _moment("created_at", server_default=text("now()")),
    _moment("expires_at"),
    Column("id", BigInteger, Sequence("session_id_seq"), nullable=False),
    Column("kiosk_id", BigInteger, ForeignKey("kiosk.id", ondelete="CASCADE")),
    # A page, single sign-on, a program's token, a wall.
    _text("kind", server_default="page"),
    _text("address", server_default=""),
    _text("agent", server_default=""),
    _moment("seen_at", server_default=text("now()")),
    CheckConstraint("kind in ('page','single','token','kiosk')", name="session_kind"),
    CheckConstraint("(username is null) <> (kiosk_id is null)", name="session_whose"),
    Index("session_username_idx", "username"),
    Index("session_id_key", "id", unique=True),
    Index("session_kiosk_idx", "kiosk_id"),
)

ground = Table(
    "ground",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    _text("kind"),
    _text("class", server_default=""),
    _text("name", server_default=""),
    Column("bridge", Boolean, nullable=False, server_default=text("false")),
    _geometry("GEOMETRY"),
    Index("ground_geom_idx", "geom", postgresql_using="gist"),
    Index("ground_kind_idx", "kind"),
)

relief = Table(
    "relief",
    metadata,
    _text("id", primary_key=True),
    Column("png", LargeBinary, nullable=False),
    Column("west", Double, nullable=False),
    Column("south", Double, nullable=False),
    Column("east", Double, nullable=False),
    Column("north", Double, nullable=False),
)

# Every load that was ever made; the newest is the network that stands in the three tables below.
road_network = Table(
    "road_network",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    _text("source"),
    _moment("loaded_at", server_default=text("clock_timestamp()")),
    _text("loaded_by", server_default=""),
    Column("nodes", Integer, nullable=False),
    Column("edges", Integer, nullable=False),
    Column("length_m", Double, nullable=False),
    # Edges are numbered without a gap from here, and never with a number used before.
    Column("first_edge", BigInteger, nullable=False),
    # The fastest edge of each profile, metres a second: no journey beats it.
    Column("light_mps", Double, nullable=False),
    Column("truck_mps", Double, nullable=False),
    _json("report"),
)

road_node = Table(
    "road_node",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("lon", Double, nullable=False),
    Column("lat", Double, nullable=False),
)

# A stretch of road without a fork; what may use it says `light` and `truck`.
road_edge = Table(
    "road_edge",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("way", BigInteger, nullable=False),
    _text("class"),
    _text("name", server_default=""),
    _text("ref", server_default=""),
    Column("bridge", Boolean, nullable=False, server_default=text("false")),
    Column("tunnel", Boolean, nullable=False, server_default=text("false")),
    Column("roundabout", Boolean, nullable=False, server_default=text("false")),
    Column("light", Boolean, nullable=False),
    Column("truck", Boolean, nullable=False),
    Column("island", Integer, nullable=False),
    Column("length_m", Double, nullable=False),
    _geometry("LINESTRING"),
    Index("road_edge_geom_idx", "geom", postgresql_using="gist"),
)

# An edge in one direction, from node to node; seconds are infinite where the profile may not go.
# Where turns are banned a node stands several times: each copy offers what may follow.
road_arc = Table(
    "road_arc",
    metadata,
    Column("edge", BigInteger, nullable=False),
    Column("forward", Boolean, nullable=False),
    Column("source", Integer, nullable=False),
    Column("target", Integer, nullable=False),
    Column("light_s", Double, nullable=False),
    Column("truck_s", Double, nullable=False),
    PrimaryKeyConstraint("edge", "forward", "source"),
)

closure = Table(
    "closure",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    _text("reason"),
    _geometry("GEOMETRY"),
    Column("radius_m", Double),
    # What is closed: the drawn shape, or its surroundings within the radius.
    Column("area", Geometry("GEOMETRY", 4326, spatial_index=False), nullable=False),
    _moment("starts_at", server_default=text("now()")),
    Column("ends_at", DateTime(timezone=True)),
    _moment("created_at", server_default=text("now()")),
    _text("created_by"),
    _moment("updated_at", server_default=text("now()")),
    _text("updated_by"),
    Column("ended_by", Text),
    CheckConstraint("ends_at >= starts_at", name="closure_ends_after_start"),
    Index("closure_ends_idx", "ends_at"),
)


def _audit_columns() -> list[Column[Any]]:
    """What an entry of the record says."""
    return [
        _text("username"),
        Column("roles", ARRAY(Text), nullable=False, server_default=text("'{}'")),
        _text("ip", server_default=""),
        _text("request_id", server_default=""),
        _text("action"),
        Column("layer", Text),
        _text("subject", server_default=""),
        Column("region_code", Text),
        Column("old", JSONB),
        Column("new", JSONB),
        Column("upload_id", Uuid),
        Column("sha256", Text),
    ]


# The record: added to at commit, never changed; numbered without a gap, each row sealing the last.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    _moment("at"),
    *_audit_columns(),
    Column("prev_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("audit_at_idx", "at"),
    Index("audit_username_idx", "username", "id"),
    Index("audit_action_idx", "action", "id"),
    Index("audit_subject_idx", "layer", "subject", "id"),
    Index("audit_upload_idx", "upload_id"),
)

# Entries of running transactions; at commit they move to the record.
audit_draft = Table(
    "audit_draft",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    *_audit_columns(),
)

# Where the chain begins and ends, so that a row missing at an end is missed too.
audit_head = Table(
    "audit_head",
    metadata,
    Column("single", Boolean, primary_key=True, server_default=text("true")),
    Column("first_id", BigInteger, nullable=False, server_default="1"),
    Column("first_prev", LargeBinary, nullable=False, server_default=text("sha256('mapsvc')")),
    Column("last_id", BigInteger, nullable=False, server_default="0"),
    Column("last_hash", LargeBinary, nullable=False, server_default=text("sha256('mapsvc')")),
    CheckConstraint("single", name="audit_head_single"),
)
