//! The ledger's tables as diesel sees them. The truth is `migrations/ledger/`; a test selects every column.

diesel::table! {
    meetsync.ledger_version (only_row) {
        only_row -> Bool,
        version -> Int4,
        oldest_reader -> Int4,
    }
}

diesel::table! {
    meetsync.subject (key) {
        key -> Text,
        session -> Int8,
        provider -> Text,
        kind -> Text,
        desired -> Nullable<Jsonb>,
        desired_digest -> Nullable<Text>,
        generation -> Int8,
        epoch -> Nullable<Text>,
        slot_start -> Nullable<Timestamptz>,
        slot_end -> Nullable<Timestamptz>,
        first_change -> Nullable<Timestamptz>,
        last_change -> Nullable<Timestamptz>,
        due_at -> Nullable<Timestamptz>,
        applied -> Nullable<Jsonb>,
        applied_digest -> Nullable<Text>,
        applied_at -> Nullable<Timestamptz>,
        applied_epoch -> Nullable<Text>,
        may_be_there -> Array<Int8>,
        remote -> Nullable<Jsonb>,
        remote_end -> Nullable<Timestamptz>,
        state -> Text,
        doubt_since -> Nullable<Timestamptz>,
        unanswered -> Bool,
        confirm_at -> Nullable<Timestamptz>,
        attempts -> Int4,
        last_error -> Nullable<Text>,
        before_mark -> Nullable<Jsonb>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    meetsync.attempt (id) {
        id -> Int8,
        at -> Timestamptz,
        key -> Text,
        session -> Int8,
        who -> Text,
        what -> Text,
        reason -> Text,
        requests -> Int4,
        outcome -> Text,
        words -> Nullable<Text>,
        took_ms -> Int8,
        counts_as -> Nullable<Text>,
        step -> Nullable<Uuid>,
    }
}

diesel::table! {
    meetsync.lease (session, provider) {
        session -> Int8,
        provider -> Text,
        owner -> Text,
        token -> Uuid,
        until -> Timestamptz,
    }
}

diesel::table! {
    meetsync.hold (id) {
        id -> Int8,
        session -> Nullable<Int8>,
        until -> Timestamptz,
        by_whom -> Text,
        reason -> Text,
        since -> Timestamptz,
    }
}

diesel::table! {
    meetsync.pass (only_row) {
        only_row -> Bool,
        known_until -> Timestamptz,
        as_of -> Timestamptz,
        ended_at -> Timestamptz,
        took_ms -> Int8,
        who -> Text,
        summary -> Jsonb,
        acting_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    meetsync.tick (job) {
        job -> Text,
        due_at -> Timestamptz,
        taken_at -> Timestamptz,
        done_at -> Nullable<Timestamptz>,
        who -> Text,
    }
}

diesel::table! {
    meetsync.rooms_found (grp) {
        grp -> Text,
        looked_at -> Timestamptz,
        who -> Text,
        findings -> Jsonb,
    }
}

diesel::table! {
    meetsync.replica (name) {
        name -> Text,
        version -> Text,
        started -> Timestamptz,
        seen -> Timestamptz,
        provider -> Text,
        beat_ms -> BigInt,
        failing_since -> Nullable<Timestamptz>,
        failing_passes -> Nullable<BigInt>,
        failing_words -> Nullable<Text>,
        refused_settings_since -> Nullable<Timestamptz>,
        refused_settings_words -> Nullable<Text>,
        quiet_until -> Nullable<Timestamptz>,
    }
}
