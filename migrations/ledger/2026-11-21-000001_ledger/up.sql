-- The ledger: what was wished, what was accepted, what is in doubt, who works on it, and every attempt.
-- The schema itself is made before the first migration runs (src/ledger/migrate.rs), since the table that
-- counts migrations lives in it.

CREATE TABLE meetsync.ledger_version (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version       integer NOT NULL,
    oldest_reader integer NOT NULL
);
INSERT INTO meetsync.ledger_version (version, oldest_reader) VALUES (1, 1);

CREATE TABLE meetsync.subject (
    key            text PRIMARY KEY,
    session        bigint NOT NULL,
    provider       text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('room', 'decks')),
    -- The wish.
    desired        jsonb,
    desired_digest text,
    generation     bigint NOT NULL DEFAULT 0,
    epoch          text,
    slot_start     timestamptz,
    slot_end       timestamptz,
    first_change   timestamptz,
    last_change    timestamptz,
    due_at         timestamptz,
    -- What was last accepted. Untouched while in doubt.
    applied        jsonb,
    applied_digest text,
    applied_at     timestamptz,
    applied_epoch  text,
    may_be_there   bigint[] NOT NULL DEFAULT '{}' CHECK (array_position(may_be_there, NULL) IS NULL),
    remote         jsonb,
    remote_end     timestamptz,
    -- How it stands.
    state          text NOT NULL DEFAULT 'waiting' CHECK (state IN ('settled', 'waiting', 'in_doubt', 'parked')),
    doubt_since    timestamptz,
    unanswered     boolean NOT NULL DEFAULT false,
    confirm_at     timestamptz,
    attempts       integer NOT NULL DEFAULT 0,
    last_error     text,
    -- The belief as it was before the doubt mark of the step under way, to put back what was provably not touched.
    before_mark    jsonb,
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((applied IS NULL) = (applied_at IS NULL)),
    CHECK ((applied IS NULL) = (applied_epoch IS NULL)),
    CHECK ((slot_start IS NULL) = (slot_end IS NULL)),
    CHECK ((remote IS NULL) = (remote_end IS NULL))
);
COMMENT ON COLUMN meetsync.subject.unanswered IS
    'a request was sent whose answer never came: after the next success one more send is owed';
COMMENT ON COLUMN meetsync.subject.remote_end IS 'when the room that we made or adopted ends';
CREATE INDEX subject_session ON meetsync.subject (session);
CREATE INDEX subject_slot_end ON meetsync.subject (slot_end);
CREATE INDEX subject_remote_end ON meetsync.subject (remote_end) WHERE remote_end IS NOT NULL;
CREATE INDEX subject_open ON meetsync.subject (session) WHERE doubt_since IS NOT NULL OR confirm_at IS NOT NULL;

-- Append-only. Words are scrubbed before they get here.
CREATE TABLE meetsync.attempt (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    key       text NOT NULL,
    session   bigint NOT NULL,
    who       text NOT NULL,
    what      text NOT NULL,
    reason    text NOT NULL,
    requests  integer NOT NULL,
    outcome   text NOT NULL,
    words     text,
    took_ms   bigint NOT NULL,
    counts_as text CHECK (counts_as IN ('room_created', 'room_deleted', 'decks_emptied'))
);
CREATE INDEX attempt_counted ON meetsync.attempt (at) WHERE counts_as IS NOT NULL;
CREATE INDEX attempt_session ON meetsync.attempt (session, id);

CREATE TABLE meetsync.lease (
    session  bigint NOT NULL,
    provider text NOT NULL,
    owner    text NOT NULL,
    token    uuid NOT NULL,
    until    timestamptz NOT NULL,
    PRIMARY KEY (session, provider)
);

-- No session = everything is held.
CREATE TABLE meetsync.hold (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session bigint CHECK (session <> 0),
    until   timestamptz NOT NULL,
    by_whom text NOT NULL,
    reason  text NOT NULL,
    since   timestamptz NOT NULL
);
CREATE UNIQUE INDEX hold_session ON meetsync.hold (coalesce(session, 0));
