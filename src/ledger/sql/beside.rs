//! The statements that write what is no subject and no step of one: who is at work, whose turn it is, holds, and what is
//! forgotten.

/// Also forgets workers that were not seen for a day: who was killed can't say that it went. Since when passes fail is
/// counted back once, by whoever says so first: the span that is given grows, and would shift the moment with each beat.
pub(in crate::ledger) const SEEN_AT_WORK: &str = "\
    WITH given AS (SELECT ? AS name, ? AS version, ? AS provider, ? AS beat_ms,
                          ? AS failing_words, ? AS failing_passes, ? AS failing_ms,
                          ? AS refused_words, ? AS refused_ms, ? AS quiet_ms),
    forgotten AS (
        DELETE FROM meetsync.replica AS r USING given
        WHERE r.name <> given.name AND r.seen < clock_timestamp() - interval '1 day')
    INSERT INTO meetsync.replica AS r
        (name, version, started, seen, provider, beat_ms, failing_since, failing_passes, failing_words,
         refused_settings_since, refused_settings_words, quiet_until)
    SELECT name, version, clock_timestamp(), clock_timestamp(), provider, beat_ms,
           clock_timestamp() - failing_ms * interval '1 ms', failing_passes, failing_words,
           clock_timestamp() - refused_ms * interval '1 ms', refused_words,
           clock_timestamp() + quiet_ms * interval '1 ms' FROM given
    ON CONFLICT (name) DO UPDATE SET
        version = excluded.version, seen = excluded.seen, provider = excluded.provider, beat_ms = excluded.beat_ms,
        failing_since = CASE WHEN excluded.failing_words IS NOT NULL
                             THEN coalesce(r.failing_since, excluded.failing_since) END,
        failing_passes = excluded.failing_passes, failing_words = excluded.failing_words,
        refused_settings_since = CASE WHEN excluded.refused_settings_words IS NOT NULL
                                      THEN coalesce(r.refused_settings_since, excluded.refused_settings_since) END,
        refused_settings_words = excluded.refused_settings_words, quiet_until = excluded.quiet_until";
/// And leaves its turns to whoever asks next.
pub(in crate::ledger) const GONE_FROM_WORK: &str = "\
    WITH given AS (SELECT ? AS name),
    left_open AS (
        UPDATE meetsync.tick AS t SET taken_at = '-infinity' FROM given
        WHERE t.who = given.name AND t.done_at IS NULL)
    DELETE FROM meetsync.replica AS r USING given WHERE r.name = given.name";
/// A turn is ours if nobody had it, if it was ours already (we never heard so, or have begun anew), or if whoever took it
/// did not finish it in time.
pub(in crate::ledger) const TAKE_TURN: &str = "\
    WITH given AS (SELECT ? AS job, ? AS due_at, ? AS who, ? AS unfinished_ms),
    ours AS (
        INSERT INTO meetsync.tick AS t (job, due_at, who) SELECT job, due_at, who FROM given
        ON CONFLICT (job) DO UPDATE SET
            due_at = excluded.due_at, who = excluded.who, taken_at = clock_timestamp(), done_at = NULL
        WHERE t.due_at < excluded.due_at OR t.due_at > clock_timestamp() + interval '1 hour'
           OR (t.due_at = excluded.due_at AND t.done_at IS NULL AND (t.who = excluded.who OR t.taken_at
               < clock_timestamp() - (SELECT unfinished_ms FROM given) * interval '1 millisecond'))
        RETURNING t.job)
    SELECT CASE WHEN EXISTS (SELECT FROM ours) THEN 'ours'
                WHEN EXISTS (SELECT FROM meetsync.tick AS t WHERE t.job = given.job
                             AND (t.due_at > given.due_at OR t.done_at IS NOT NULL)) THEN 'done'
                ELSE 'theirs' END AS turn
    FROM given";
pub(in crate::ledger) const END_TURN: &str =
    "UPDATE meetsync.tick SET done_at = clock_timestamp() WHERE job = ? AND due_at = ? AND done_at IS NULL";
/// A part of them at a time, so that no statement takes long.
pub(in crate::ledger) const PRUNE: &str = "\
    DELETE FROM meetsync.attempt WHERE id = ANY (ARRAY(
        SELECT a.id FROM meetsync.attempt AS a WHERE a.at < ? ORDER BY a.at LIMIT ?))";
/// Holds that were over by then. The one who sets a newer one in the meantime keeps it.
pub(in crate::ledger) const FORGET_HOLDS: &str = "DELETE FROM meetsync.hold AS h WHERE h.until < ?";
pub(in crate::ledger) const HOLD: &str = "\
    INSERT INTO meetsync.hold (session, until, by_whom, reason, since) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (coalesce(session, 0)) DO UPDATE SET
        until = excluded.until, by_whom = excluded.by_whom, reason = excluded.reason, since = excluded.since";
pub(in crate::ledger) const RELEASE_HOLD: &str = "DELETE FROM meetsync.hold WHERE coalesce(session, 0) = ?";
