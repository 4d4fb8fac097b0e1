DROP TABLE meetsync.hold;
DROP TABLE meetsync.lease;
DROP TABLE meetsync.attempt;
DROP TABLE meetsync.subject;
DROP TABLE meetsync.ledger_version;
