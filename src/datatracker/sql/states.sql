-- Which of the states $3 the documents $2 have (all documents where $1 is true).
SELECT k.document_id::int8 AS document, k.state_id::int8 AS state
  FROM {schema}.doc_document_states k
 WHERE ($1 OR k.document_id = ANY (ARRAY(SELECT unnest($2)))) AND k.state_id = ANY ($3)
