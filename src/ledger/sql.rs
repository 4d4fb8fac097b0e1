//! The statements that write the ledger.
//!
//! A statement sees the world as of its start, but `ON CONFLICT DO UPDATE` and row locks always work on the newest
//! version of a row. So nothing here decides by what a plain subselect saw, only by rows that it locked or wrote.
//! Each `?` is one value, in the order of the text: `given` names them once.

mod beside;

pub(super) use beside::{
    END_TURN, FORGET_HOLDS, GONE_FROM_WORK, HOLD, PRUNE, RELEASE_HOLD, SEEN_AT_WORK, TAKE_TURN,
};

/// A row's columns by name: with `*`, a migration that adds one would break what a running worker has prepared.
macro_rules! columns_of_s {
    () => {
        "s.key, s.session, s.provider, s.kind, s.desired, s.desired_digest, s.generation, s.epoch,
         s.slot_start, s.slot_end, s.first_change, s.last_change, s.due_at, s.applied, s.applied_digest,
         s.applied_at, s.applied_epoch, s.may_be_there, s.remote, s.remote_end, s.state, s.doubt_since,
         s.unanswered, s.confirm_at, s.attempts, s.last_error, s.before_mark, s.updated_at"
    };
}
pub(super) use columns_of_s;

/// Doubt, or a confirming send owed, that can still be settled: as `SubjectRow::is_open` has it, but for rooms of ours.
/// The `?` is the moment until which sessions of the past still matter. Without a slot, a confirming send that nobody makes is
/// forgotten as long after it was due.
macro_rules! owes_something {
    () => {
        "((s.doubt_since IS NOT NULL OR s.confirm_at IS NOT NULL)
          AND coalesce(s.slot_end, CASE WHEN s.doubt_since IS NULL THEN s.confirm_at END, 'infinity') > ?)"
    };
}
pub(super) use owes_something;

/// A hold that stands when a step is to begin, by the clock of whoever asks: that of the datatracker, as for every hold.
/// One that came since this statement began is as if it came in the middle of the step; and a step that has its lease
/// already (its answer was not heard) was begun before.
macro_rules! held {
    () => {
        "held AS (
            SELECT h.until FROM meetsync.hold AS h, given
            WHERE NOT given.in_spite_of_holds AND (h.session IS NULL OR h.session = given.session)
              AND h.until > given.marked_at
              AND NOT EXISTS (SELECT FROM meetsync.lease AS l WHERE l.session = given.session
                              AND l.provider = given.provider AND l.token = given.token))"
    };
}

/// Takes the lease where nobody has it, or the one who had it let it run out; or where it is ours already, and we never
/// heard so.
macro_rules! take_lease {
    () => {
        "taken AS (
            INSERT INTO meetsync.lease AS l (session, provider, owner, token, until)
            SELECT session, provider, owner, token, clock_timestamp() + length_ms * interval '1 millisecond'
            FROM given WHERE NOT EXISTS (SELECT FROM held)
            ON CONFLICT (session, provider) DO UPDATE
            SET owner = excluded.owner, token = excluded.token, until = excluded.until
            WHERE l.until <= clock_timestamp() OR l.token = excluded.token
            RETURNING l.token, l.until)"
    };
}

/// The doubt mark, where the lease was had. One that this step has made already stays as it is.
macro_rules! mark {
    () => {
        concat!(
            ", marked AS (
            INSERT INTO meetsync.subject AS s
                (key, session, provider, kind, state, doubt_since, unanswered, may_be_there, attempts, before_mark)
            SELECT key, session, provider, kind, 'in_doubt', marked_at, true, ids, 1,
                   jsonb_build_object('doubt_since', NULL, 'unanswered', false, 'may_be_there', '[]'::jsonb,
                                      'state', 'waiting', 'had_no_end', false, 'step', given.token)
            FROM given, taken
            ON CONFLICT (key) DO UPDATE SET
                before_mark = CASE WHEN s.before_mark->'step' = excluded.before_mark->'step' THEN s.before_mark
                    ELSE jsonb_build_object('doubt_since', s.doubt_since, 'unanswered', s.unanswered,
                                            'may_be_there', to_jsonb(s.may_be_there), 'state', s.state,
                                            'had_no_end', s.before_mark IS NOT NULL,
                                            'step', excluded.before_mark->'step') END,
                state = 'in_doubt',
                doubt_since = CASE WHEN s.kind = 'room' THEN excluded.doubt_since
                                   ELSE coalesce(s.doubt_since, excluded.doubt_since) END,
                unanswered = true,
                may_be_there = ARRAY(SELECT DISTINCT id FROM unnest(s.may_be_there || excluded.may_be_there) AS id ORDER BY id),
                attempts = s.attempts
                    + CASE WHEN s.before_mark->'step' = excluded.before_mark->'step' THEN 0 ELSE 1 END,
                updated_at = clock_timestamp()
            RETURNING ",
            columns_of_s!(),
            ")
        SELECT marked.*, taken.until AS lease_until FROM marked, taken"
        )
    };
}

/// Writes an end; for a newer wish it is neither an end nor a refusal. And the attempt (where there was one) whether or
/// not the lease was still ours. Whoever never heard the answer asks again, finds the attempt, and hears the same: one
/// lease is one step of a subject, and its token says which. A burst that went on during the step begins anew with its newest change; one that a
/// pass took back meanwhile is over.
pub(super) const SETTLE_AND_RELEASE: &str =
        "WITH given AS (
            SELECT ? AS session, ? AS provider, ? AS token, ? AS key, ? AS generation,
                   ? AS applied, ? AS applied_digest, ? AS applied_at, ? AS applied_epoch, ? AS may_be_there,
                   ? AS remote, ? AS remote_end, ? AS state, ? AS doubt_since, ? AS unanswered, ? AS confirm_at,
                   ? AS attempts, ? AS last_error, ? AS not_before,
                   ? AS at, ? AS who, ? AS what, ? AS reason, ? AS requests, ? AS outcome, ? AS words, ? AS took_ms,
                   ? AS counts_as),
        mine AS (
            DELETE FROM meetsync.lease AS l USING given
            WHERE l.session = given.session AND l.provider = given.provider AND l.token = given.token
            RETURNING l.session),
        changed AS (
            UPDATE meetsync.subject AS s SET
                applied = given.applied, applied_digest = given.applied_digest, applied_at = given.applied_at,
                applied_epoch = given.applied_epoch, may_be_there = given.may_be_there, remote = given.remote,
                remote_end = given.remote_end,
                state = CASE WHEN s.generation = given.generation OR given.state = 'in_doubt' THEN given.state
                             WHEN given.doubt_since IS NOT NULL THEN 'in_doubt'
                             WHEN s.last_change IS NULL THEN 'settled'
                             ELSE 'waiting' END,
                first_change = CASE WHEN given.state <> 'settled' THEN s.first_change
                                    WHEN s.generation = given.generation THEN NULL
                                    ELSE s.last_change END,
                due_at = CASE WHEN s.generation = given.generation OR given.state <> 'parked' THEN given.not_before END,
                doubt_since = given.doubt_since, unanswered = given.unanswered, confirm_at = given.confirm_at,
                attempts = CASE WHEN s.generation = given.generation OR given.state <> 'parked' THEN given.attempts
                                ELSE 0 END,
                last_error = given.last_error, before_mark = NULL,
                updated_at = clock_timestamp()
            FROM given, mine WHERE s.key = given.key
            RETURNING s.key),
        noted AS (
            INSERT INTO meetsync.attempt AS a
                (at, key, session, who, what, reason, requests, outcome, words, took_ms, counts_as, step)
            SELECT at, key, session, who, what, reason, requests::integer,
                   CASE WHEN EXISTS (SELECT FROM changed) THEN outcome ELSE 'lost' END, words, took_ms, counts_as, token
            FROM given WHERE outcome IS NOT NULL
            ON CONFLICT (step, key) DO UPDATE SET step = a.step
            RETURNING a.outcome)
        SELECT CASE WHEN given.outcome IS NULL THEN (SELECT count(*) FROM changed)
                    ELSE (SELECT count(*) FROM noted WHERE noted.outcome <> 'lost') END AS number
        FROM given";

/// Whoever writes many subjects waits here for the one before, until the end of the transaction: two of them could each
/// have what the other needs. Whoever writes one subject takes nothing after it, and so needs no turn. The number is
/// ours alone by chance.
macro_rules! one_at_a_time {
    () => {
        "WITH gate AS MATERIALIZED (SELECT pg_catalog.pg_advisory_xact_lock(7237970109966540115))"
    };
}

/// Writes down what is wished, where it is new. `w` is one row for each wish.
macro_rules! record {
    ($and:literal) => {
        concat!(
            "
    INSERT INTO meetsync.subject AS s
        (key, session, provider, kind, desired, desired_digest, epoch, slot_start, slot_end, first_change, last_change,
         generation)
    SELECT key, session, provider, kind, desired, digest, epoch, slot_start, slot_end, at, at, 1
    FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        AS w (key, session, provider, kind, desired, digest, epoch, slot_start, slot_end, at)",
            $and,
            "
    ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
        desired = excluded.desired, desired_digest = excluded.desired_digest, epoch = excluded.epoch,
        slot_start = excluded.slot_start, slot_end = excluded.slot_end,
        first_change = least(s.first_change, excluded.first_change), last_change = excluded.last_change,
        generation = s.generation + 1,
        state = CASE WHEN s.doubt_since IS NULL THEN 'waiting' ELSE 'in_doubt' END,
        due_at = CASE WHEN s.state <> 'parked' THEN s.due_at END,
        attempts = CASE WHEN s.state <> 'parked' THEN s.attempts ELSE 0 END,
        updated_at = clock_timestamp()
    WHERE (s.desired_digest, s.epoch, s.slot_start, s.slot_end)
        IS DISTINCT FROM (excluded.desired_digest, excluded.epoch, excluded.slot_start, excluded.slot_end)"
        )
    };
}

pub(super) const LEASE_AND_BEGIN: &str = concat!(
    "WITH given AS (
        SELECT ? AS session, ? AS provider, ? AS owner, ? AS token, ? AS length_ms, ? AS key, ? AS kind,
               ? AS ids, ? AS marked_at, ? AS in_spite_of_holds), ",
    held!(),
    ", ",
    take_lease!(),
    mark!()
);
/// A lease, while its step goes on, from now on for its length.
pub(super) const RENEW: &str = "\
    WITH given AS (SELECT ? AS session, ? AS provider, ? AS token, ? AS length_ms)
    UPDATE meetsync.lease AS l SET until = clock_timestamp() + given.length_ms * interval '1 millisecond'
    FROM given
    WHERE l.session = given.session AND l.provider = given.provider AND l.token = given.token";
/// A room, while its step goes on. The lease stays locked until this is done: nobody takes it over in the meantime.
pub(super) const NOTE_ROOM: &str = "\
    WITH given AS (SELECT ? AS session, ? AS provider, ? AS token, ? AS key, ? AS remote, ? AS remote_end),
    mine AS (
        SELECT l.token FROM meetsync.lease AS l, given
        WHERE l.session = given.session AND l.provider = given.provider AND l.token = given.token
        FOR UPDATE OF l)
    UPDATE meetsync.subject AS s SET
        remote = given.remote, remote_end = given.remote_end, updated_at = clock_timestamp()
    FROM given, mine WHERE s.key = given.key";
/// Why a step was not begun: the hold that ends last, or else the lease of somebody (None: there was a hold).
pub(super) const WHY_NOT: &str = concat!(
    "WITH given AS (
        SELECT ? AS session, ? AS provider, ? AS token, ? AS marked_at, ? AS in_spite_of_holds), ",
    held!(),
    "
    SELECT NULL AS owner, held.until FROM held
    UNION ALL
    SELECT l.owner, l.until FROM meetsync.lease AS l, given
    WHERE l.session = given.session AND l.provider = given.provider
    ORDER BY owner NULLS FIRST, until DESC LIMIT 1"
);
pub(super) const RECORD: &str = concat!(one_at_a_time!(), record!(", gate"));
/// A pass, if nobody has recorded a newer state of the datatracker. A clock that was set back by more than a minute
/// looks the same as an old state, and must not stop everything for ever. One that only observes wishes nothing:
/// it fences nobody off, and leaves the word to one that acts, as long as there is one.
pub(super) const RECORD_PASS: &str = concat!(
    one_at_a_time!(),
    ", given AS (
        SELECT ? AS known_until, ? AS as_of, ? AS took_ms, ? AS who, ? AS summary, ? AS acting_since FROM gate),
    yields AS (
        SELECT p.who FROM meetsync.pass AS p, given
        WHERE given.acting_since IS NULL AND p.acting_since IS NOT NULL AND p.who <> given.who
          AND p.as_of > given.as_of - interval '30 seconds'),
    fence AS (
        INSERT INTO meetsync.pass AS p (known_until, as_of, ended_at, took_ms, who, summary, acting_since)
        SELECT CASE WHEN acting_since IS NULL THEN '-infinity' ELSE known_until END,
               as_of, clock_timestamp(), took_ms, who, summary, acting_since FROM given
        WHERE NOT EXISTS (SELECT FROM yields)
        ON CONFLICT (only_row) DO UPDATE SET
            known_until = CASE WHEN excluded.acting_since IS NULL THEN p.known_until ELSE excluded.known_until END,
            as_of = excluded.as_of, ended_at = excluded.ended_at,
            took_ms = excluded.took_ms, who = excluded.who, summary = excluded.summary,
            acting_since = CASE WHEN excluded.acting_since IS NOT NULL
                                THEN least(p.acting_since, excluded.acting_since) END
        WHERE p.known_until <= (SELECT known_until FROM given)
           OR p.known_until > (SELECT known_until FROM given) + interval '60 seconds'
        RETURNING p.only_row),
    calmed AS (
        UPDATE meetsync.subject AS s SET
            first_change = NULL, last_change = NULL, desired_digest = NULL, generation = s.generation + 1,
            state = CASE WHEN s.doubt_since IS NULL THEN 'settled' ELSE s.state END,
            due_at = CASE WHEN s.doubt_since IS NOT NULL THEN s.due_at END,
            updated_at = clock_timestamp()
        FROM unnest(?, ?) AS c (key, generation), fence
        WHERE s.key = c.key AND s.generation = c.generation),
    recorded AS (",
    record!(", fence"),
    "
    RETURNING s.key, s.generation)
    SELECT '' AS key, 0::bigint AS generation FROM fence UNION ALL SELECT '', 0 FROM yields
    UNION ALL SELECT key, generation FROM recorded"
);
