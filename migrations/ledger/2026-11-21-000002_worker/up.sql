-- What the worker keeps beside the subjects: how far the last pass was, which jobs have had their turn, who is at work.

-- One row: the newest state of the datatracker that was ever recorded. Who knows less than that records nothing.
CREATE TABLE meetsync.pass (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    known_until timestamptz NOT NULL,
    as_of       timestamptz NOT NULL,
    ended_at    timestamptz NOT NULL,
    took_ms     bigint NOT NULL,
    who         text NOT NULL,
    summary     jsonb NOT NULL,
    acting_since timestamptz
);
COMMENT ON COLUMN meetsync.pass.acting_since IS
    'the first of the passes since which all were made by workers that may send; null where the last one only looked';
COMMENT ON COLUMN meetsync.pass.known_until IS 'by the clock of the datatracker''s database';
COMMENT ON COLUMN meetsync.pass.ended_at IS 'by the ledger''s own clock';

-- The newest turn of each job: taken once, by whoever comes first, or again where that one did not finish it.
CREATE TABLE meetsync.tick (
    job      text PRIMARY KEY,
    due_at   timestamptz NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at  timestamptz,
    who      text NOT NULL
);
COMMENT ON COLUMN meetsync.tick.due_at IS 'by the clock of the datatracker''s database; the others by the ledger''s own';

-- Who was at work, and when last. For people only: nothing is decided by it.
CREATE TABLE meetsync.replica (
    name     text PRIMARY KEY,
    version  text NOT NULL,
    started  timestamptz NOT NULL,
    seen     timestamptz NOT NULL,
    provider text NOT NULL,
    beat_ms  bigint NOT NULL DEFAULT 10000,
    failing_since  timestamptz,
    failing_passes bigint,
    failing_words  text,
    refused_settings_since timestamptz,
    refused_settings_words text,
    quiet_until    timestamptz
);
COMMENT ON COLUMN meetsync.replica.provider IS 'what it thinks of the provider, in words';
COMMENT ON COLUMN meetsync.replica.quiet_until IS 'the provider asked to be left alone until then, by the ledger''s own clock';
COMMENT ON COLUMN meetsync.replica.beat_ms IS 'how often it says that it is there';
COMMENT ON COLUMN meetsync.replica.failing_since IS 'of the first of its passes that failed in a row, by the ledger''s own clock';
COMMENT ON COLUMN meetsync.replica.failing_words IS 'why the last one failed; null while passes succeed';
COMMENT ON COLUMN meetsync.replica.refused_settings_since IS 'since then it goes on with its settings of before, by the ledger''s own clock';
COMMENT ON COLUMN meetsync.replica.refused_settings_words IS 'why those that it last read can''t be used; null where it goes by them';

-- What was last seen of a group's rooms and is not as it should be. For people only: nothing is decided by it.
CREATE TABLE meetsync.rooms_found (
    grp       text PRIMARY KEY,
    looked_at timestamptz NOT NULL,
    who       text NOT NULL,
    findings  jsonb NOT NULL
);
COMMENT ON COLUMN meetsync.rooms_found.looked_at IS 'by the ledger''s own clock';

-- Which step it was: one that is written down again, since the answer was lost, is the same one.
ALTER TABLE meetsync.attempt ADD COLUMN step uuid;
CREATE UNIQUE INDEX attempt_step ON meetsync.attempt (step, key);
CREATE INDEX attempt_at ON meetsync.attempt (at);

UPDATE meetsync.ledger_version SET version = 2;
