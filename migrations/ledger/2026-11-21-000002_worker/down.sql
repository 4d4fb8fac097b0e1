UPDATE meetsync.ledger_version SET version = 1;
DROP INDEX meetsync.attempt_at;
DROP INDEX meetsync.attempt_step;
ALTER TABLE meetsync.attempt DROP COLUMN step;
DROP TABLE meetsync.rooms_found;
DROP TABLE meetsync.replica;
DROP TABLE meetsync.tick;
DROP TABLE meetsync.pass;
